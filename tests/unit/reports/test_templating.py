"""Names may wrap after signs between words, nowhere else."""

from __future__ import annotations

import pytest

from xstilts.reports.templating import breakable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("commonsenseqa", "commonsenseqa"),
        ("sick-shuffled-labels", "sick-<wbr>shuffled-<wbr>labels"),
        ("(mnli+qqp)>squad-v2", "(mnli+<wbr>qqp)&gt;<wbr>squad-<wbr>v2"),
        ("toy_kind/en", "toy_<wbr>kind/<wbr>en"),
        ("-3.1 to +8.3, 1e-05", "-3.1 to +8.3, 1e-05"),
        ("<b>&", "&lt;b&gt;&amp;"),
    ],
)
def test_a_name_is_escaped_and_may_wrap_after_signs_between_words(name: str, expected: str) -> None:
    assert breakable(name) == expected
