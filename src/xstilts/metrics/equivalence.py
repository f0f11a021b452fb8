"""Which sentences mean the same, given that equal texts cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def merge_equivalent(
    sides: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> dict[str, list[str]]:
    """Side → meanings, where meanings that share a text on a side have become one.

    Args:
        sides: side → its texts and their meanings. A blank meaning is that of one row only.
    """
    chief: dict[str, str] = {}

    def root(meaning: str) -> str:
        while (above := chief.get(meaning, meaning)) != meaning:
            meaning = above
        return meaning

    named = {
        side: [meaning or f"{side} {row}, unknown" for row, meaning in enumerate(meanings)]
        for side, (_, meanings) in sides.items()
    }
    for side, (texts, _) in sides.items():
        first: dict[str, str] = {}
        for text, meaning in zip(texts, named[side], strict=True):
            one, other = root(meaning), root(first.setdefault(text, meaning))
            chief[max(one, other)] = min(one, other)
    return {side: [root(meaning) for meaning in meanings] for side, meanings in named.items()}
