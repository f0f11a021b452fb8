"""Control characters of texts never reach a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.core.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("\x9b2J", "\\u009b2J"),
        ("over\rwritten", "over\\u000dwritten"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("a\tb\nc", "a\tb\nc"),
        ("İstanbul कि 👩\u200d🔬 \u200f", "İstanbul कि 👩\u200d🔬 \u200f"),
    ],
)
def test_controls_are_escaped_and_writing_is_not(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_text_has_no_controls_and_json_keeps_its_meaning(text: str) -> None:
    assert not any(ord(sign) < 32 and sign not in "\t\n" for sign in printable(text))
    as_json = json.dumps(text, ensure_ascii=False)
    assert json.loads(printable(as_json)) == text
