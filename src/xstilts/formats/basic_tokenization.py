"""BERT's basic tokenization, as XTREME's scripts compare answers by it: words and punctuation.

Source: `BasicTokenizer` of transformers 2.4, with which XTREME's scripts run.
"""

from __future__ import annotations

import unicodedata

HAN = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
ASCII_PUNCTUATION = ((33, 47), (58, 64), (91, 96), (123, 126))


def basic_tokens(text: str, *, lower_case: bool) -> list[str]:
    """Words between white space, with every punctuation mark and Han character on its own.

    Control characters and U+FFFD are removed; with `lower_case`, accents as well.
    """
    spaced = "".join(f" {char} " if _in(char, HAN) else char for char in _clean(text))
    words = spaced.split()
    if lower_case:
        words = [_without_accents(word.lower()) for word in words]
    split = (f" {char} " if _is_punctuation(char) else char for char in " ".join(words))
    return "".join(split).split()


def _clean(text: str) -> str:
    return "".join(" " if _is_space(char) else char for char in text if not _is_removed(char))


def _is_space(char: str) -> bool:
    return char in " \t\n\r" or unicodedata.category(char) == "Zs"


def _is_removed(char: str) -> bool:
    return char == "\ufffd" or (char not in "\t\n\r" and unicodedata.category(char).startswith("C"))


def _is_punctuation(char: str) -> bool:
    return _in(char, ASCII_PUNCTUATION) or unicodedata.category(char).startswith("P")


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def _in(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)
