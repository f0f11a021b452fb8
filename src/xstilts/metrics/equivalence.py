"""Merge meanings that share a text: no encoder can distinguish equal texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def merge_equivalent(
    sides: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> dict[str, list[str]]:
    """Map each side to its meanings, merging meanings that share a text on any side (union-find).

    Args:
        sides: side → its texts and their meanings. A blank meaning is unique to its row.
    """
    parent: dict[str, str] = {}

    def root(meaning: str) -> str:
        while (above := parent.get(meaning, meaning)) != meaning:
            meaning = above
        return meaning

    filled = {
        side: [meaning or f"{side} {row}, unknown" for row, meaning in enumerate(meanings)]
        for side, (_, meanings) in sides.items()
    }
    for side, (texts, _) in sides.items():
        first_meaning: dict[str, str] = {}
        for text, meaning in zip(texts, filled[side], strict=True):
            a, b = root(meaning), root(first_meaning.setdefault(text, meaning))
            parent[max(a, b)] = min(a, b)
    return {side: [root(meaning) for meaning in meanings] for side, meanings in filled.items()}
