"""The mean of a few values that stand for others like them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import LEVEL, Estimate, columns, nothing, too_few

NEEDED = 2


def mean(values: ArrayLike, what: str = "tasks") -> Estimate:
    """The mean, Student's interval, and a two-sided p value against zero.

    Args:
        values: [n] one for each thing, such as a task's mean gain; NaN is left out.
        what: the things, in words.
    """
    from scipy import stats

    (known,) = columns(values=values)
    if len(known) < NEEDED:
        return nothing(len(known), too_few(len(known), NEEDED, what))
    value = float(known.mean())
    if np.ptp(known) == 0:
        return Estimate(value, value, value, n=len(known))
    found = stats.ttest_1samp(known, 0.0)
    interval = found.confidence_interval(1 - LEVEL)
    return Estimate(
        value, float(interval.low), float(interval.high), float(found.pvalue), len(known)
    )
