"""Measures as a table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from xstilts.analysis.scan import Facts
from xstilts.stages.measures import Measured

COLUMNS = ("measure", "task", "other", "language", "seed", "value")


def measures_table(measured: Iterable[Measured], facts: Facts) -> pd.DataFrame:
    """One row per measure of a task or pair; `value` is NaN where its stage is not there."""
    rows = [
        (one.measure, one.task, one.other, one.language, one.seed, _value(one, facts))
        for one in measured
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": float})


def _value(one: Measured, facts: Facts) -> float:
    known = facts(one.keys[0]) if one.keys else None
    return float((known or {}).get("value", float("nan")))
