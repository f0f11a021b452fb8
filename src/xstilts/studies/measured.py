"""Measures as a table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from xstilts.analysis.scan import Facts
from xstilts.stages.measures import Measured

COLUMNS = ("measure", "task", "other", "language", "seed", "value")


def measures_table(measured: Iterable[Measured], facts: Facts) -> pd.DataFrame:
    """One row per measure that is known."""
    rows = [
        (one.measure, one.task, one.other, one.language, one.seed, known["value"])
        for one in measured
        if one.keys and (known := facts(one.keys[0])) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": int, "value": float})
