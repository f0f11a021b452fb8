"""Checks of rows that several formats share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xstilts.core.normal_forms import other_form
from xstilts.formats.spec import Problem

NUL = "NUL character"
OUTSIDE = "label outside the set"


def text_problems(texts: Iterable[str], kind: str = "empty text") -> Iterator[Problem]:
    """Blank texts, and texts with a NUL character.

    Args:
        kind: the name of the problem of a blank text.
    """
    texts = list(texts)
    if not all(text.strip() for text in texts):
        yield kind, ""
    if any("\0" in text for text in texts):
        yield NUL, ""


def pair_problems(text: str, text_pair: str | None) -> Iterator[Problem]:
    """Problems of a text, or of a pair of texts."""
    yield from text_problems([text] if text_pair is None else [text, text_pair])


def label_problems(found: Iterable[str], labels: frozenset[str], split: str) -> Iterator[Problem]:
    """Labels that the task does not have; blank ones are allowed in the test split."""
    for label in found:
        if label not in labels and not (split == "test" and not label.strip()):
            yield OUTSIDE, f"{label!r} {other_form(label, labels)}".rstrip()
