"""Texts of others are no markup in Markdown."""

from __future__ import annotations

import pandas as pd
import pytest

from xstilts.reports.markdown import escaped, escaped_cell
from xstilts.reports.tables import table_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("</td><!-- <?php", "&lt;/td>&lt;!-- &lt;?php"),
        ("&lt;script&gt; &#60; &#x3c;", "&amp;lt;script&amp;gt; &amp;#60; &amp;#x3c;"),
        ("[here](https://example.org)", r"[here]\(https://example.org)"),
        ("![x](https://example.org/x.png)", r"![x]\(https://example.org/x.png)"),
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\\\|b"),
        (r"\<b>", r"\\&lt;b>"),
        ("end\\", "end\\\\"),
    ],
)
def test_markup_is_shown_as_text(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize("text", ["p < 0.001, n = 9", "[+0.4, +3.9]", "R&D", r"C:\data", "a > b"])
def test_ordinary_texts_stay(text: str) -> None:
    assert escaped(text) == text


def test_a_cell_of_a_table_has_one_line() -> None:
    assert escaped_cell("a\n\n<b>\r\nc") == "a &lt;b> c"


def test_a_hostile_name_adds_no_column_row_or_tag_to_a_table() -> None:
    name = "x | y\n| --- |\n<script>"
    text = table_text(pd.DataFrame({name: [name], "n": [1]}), "md")
    assert text.count("\n") == 3
    assert "<script" not in text
    assert [line.replace(r"\|", "").count("|") for line in text.splitlines()] == [3, 3, 3]
