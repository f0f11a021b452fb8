"""Texts from data and names, harmless for a terminal that prints them."""

from __future__ import annotations

import re

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters but for tab and newline, and those that reorder what follows them.

A terminal obeys the former (colours, cursor, window title, clipboard); the latter make a text look
like another one (Boucher and Anderson 2021, "Trojan Source").
"""


def printable(text: str) -> str:
    r"""The text with control characters as escapes (`\u001b`), which JSON reads as well."""
    return CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
