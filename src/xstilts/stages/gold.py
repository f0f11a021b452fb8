"""The gold answers of prepared rows, as metrics take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

GOLD = {
    "classification": "label",
    "multiple_choice": "label",
    "retrieval": "meaning",
    "span": "answers",
    "tagging": "tags",
}


def gold_of(kind: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """One gold answer per row: a label, tags, answers or a meaning."""
    return [row[GOLD[kind]] for row in rows]
