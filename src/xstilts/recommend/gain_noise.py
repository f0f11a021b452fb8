"""Sampling variances of known gains, from the variation between their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from xstilts.core.errors import DataError
from xstilts.statistics.estimate import Floats

PRIOR = 1.0
"""Degrees of freedom of the variance of all targets in that of one: a single pair of seeds says
little, and may even agree by chance."""
ROUNDING = 1e-18
"""Variance that rounding leaves between equal gains."""
LEAST = {"seeds": 1.0, "seed_variance": 0.0}
"""Column of known gains → its least value."""


def check_noise(gains: pd.DataFrame) -> None:
    """Check what `sampling_variances` reads, in a table that may be of a user's own.

    Raises:
        DataError: a blank target, fewer seeds than one, or a variance that is negative or infinite.
    """
    for column, least in LEAST.items():
        if column in gains:
            numbers = pd.to_numeric(gains[column], errors="coerce")
            is_known = gains[column].notna()
            is_wrong = is_known & ~numbers.between(least, np.inf, inclusive="left")
            todo = "correct it, or leave the cell empty if it is unknown"
            _refuse_first(gains[column][is_wrong], f"is no number of at least {least:g}", todo)
    is_blank = gains["target"].isna() | (gains["target"].astype(str).str.strip() == "")
    _refuse_first(gains["target"][is_blank], "is no target", "name the target of the gain")


def _refuse_first(wrong: pd.Series[Any], what: str, todo: str) -> None:
    for row, value in wrong.head(1).items():
        where = f"known gains, row {row}, column {wrong.name}"
        raise DataError(f"{str(value)!r} {what}", where=where, todo=todo)


def sampling_variances(gains: pd.DataFrame) -> Floats:
    """[n] variance of each known gain over other seeds; ones if no seed is known to differ.

    Variances between seeds are pooled over the settings of a target, then moderated by that of
    all targets (as in Smyth 2004, with a fixed prior), which is assumed where no setting of a
    target has two seeds. A gain with an unknown number of seeds counts as one of one seed.

    Args:
        gains: with the columns target, seeds and seed_variance, see `analysis.gains.mean_gains`;
            the last two may be missing or NaN. Of one encoder, or with different names for a
            target under different encoders.
    """
    known = gains.reindex(columns=["seeds", "seed_variance"]).astype(float)
    seeds = known["seeds"].fillna(1.0)
    freedom = (seeds - 1).where(known["seed_variance"].notna(), 0.0)
    squares = freedom * known["seed_variance"].fillna(0.0)
    pooled = squares.sum() / max(freedom.sum(), 1.0)
    if pooled <= ROUNDING:
        return np.ones(len(gains))
    columns = pd.DataFrame({"squares": squares, "freedom": freedom})
    own = columns.groupby(gains["target"]).transform("sum")
    moderated = (PRIOR * pooled + own["squares"]) / (PRIOR + own["freedom"])
    return np.asarray(moderated / seeds, dtype=np.float64)


def variance_of_new_gain(variances: Floats, here: Sequence[bool]) -> float:
    """That of one more gain: the mean over known gains on its target, else over all, else 1.

    Args:
        variances: [n] see `sampling_variances`.
        here: [n] whether each is of the same target.
    """
    on_target = [one for one, own in zip(variances, here, strict=True) if own]
    return float(np.mean(on_target or [*variances] or [1.0]))
