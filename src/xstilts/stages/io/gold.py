"""The gold answers of prepared rows, as metrics take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xstilts.core.errors import DataError
from xstilts.stages.base import StageContext

GOLD = {
    "classification": "label",
    "multiple_choice": "label",
    "mining": "meaning",
    "retrieval": "meaning",
    "span": "answers",
    "tagging": "tags",
}


def blank_gold_error(context: StageContext) -> DataError:
    """The error that a stage's gold says nothing."""
    return DataError(
        f"the gold labels of {context.stage.label} are blank or all the same: not scored",
        todo="benchmarks remove test labels; get the labelled set, or score elsewhere",
    )


def gold_of(kind: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """One gold answer per row: a label, tags, answers or a meaning."""
    return [row[GOLD[kind]] for row in rows]
