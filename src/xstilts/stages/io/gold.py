"""Gold answers that cannot be scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.stages.base import StageContext


def checked_gold(context: StageContext, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """One gold answer per row of the stage's format.

    Raises:
        DataError: the gold answers are blank or dummies.
    """
    gold = FORMATS.get(context.params["format"]).gold_of_rows(rows)
    check_gold(context, gold)
    return gold


def check_gold(context: StageContext, gold: Sequence[Any]) -> None:
    """Check that gold answers can be scored.

    Raises:
        DataError: the gold answers are blank or dummies.
    """
    if FORMATS.get(context.params["format"]).gold_is_blank(gold):
        raise blank_gold_error(context)


def blank_gold_error(context: StageContext) -> DataError:
    """The error for gold answers that are blank or dummies."""
    return DataError(
        f"the gold labels of {context.stage.label} are blank or all the same: not scored",
        todo="benchmarks remove test labels; get the labelled set, or score elsewhere",
    )
