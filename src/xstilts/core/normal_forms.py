"""Unicode normal forms of texts that look the same and are not equal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

FORMS: tuple[Literal["NFC"], Literal["NFD"]] = ("NFC", "NFD")


def other_form(text: str, known: Iterable[str]) -> str:
    """The forms of a text and of a known one that differs in nothing else; blank without one.

    As in `in the Unicode form NFD, not NFC`.
    """
    composed = unicodedata.normalize("NFC", text)
    for one in known:
        if one != text and unicodedata.normalize("NFC", one) == composed:
            return f"in the Unicode form {_form_of(text)}, not {_form_of(one)}"
    return ""


def _form_of(text: str) -> str:
    found = (form for form in FORMS if unicodedata.is_normalized(form, text))
    return next(found, "neither NFC nor NFD")
