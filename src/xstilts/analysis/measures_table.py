"""Measures as a table: off the facts of finished stages, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from xstilts.analysis.results import Facts
from xstilts.planning.measures import MEASURES, MeasureRef

COLUMNS = ("measure", "task", "other", "language", "seed", "value")


def measures_table(measured: Iterable[MeasureRef], facts: Facts) -> pd.DataFrame:
    """One row per measure that is known; see `COLUMNS` and docs/reference/measures.md.

    Where a stage is not finished, or was never run because a training before it diverged, there
    is no row. NaN: there is no such measure of this thing.
    """
    rows = [
        (one.measure, one.task, one.other, one.language, one.seed, value)
        for one in measured
        for value in _value(one, facts)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": int, "value": float})


def _value(one: MeasureRef, facts: Facts) -> Iterator[float]:
    """The value, if it is known."""
    if one.value is not None:
        yield one.value
        return
    found = [known for key in one.keys if (known := facts(key)) is not None]
    if len(found) == len(one.keys):
        yield MEASURES.get(one.measure).read(found)
