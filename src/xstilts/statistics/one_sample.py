"""The mean of a few values that stand for others like them."""

from __future__ import annotations

from numpy.typing import ArrayLike

from xstilts.statistics.estimate import (
    LEVEL,
    NO_VARIATION,
    Estimate,
    columns,
    missing_estimate,
    nearly_equal,
    too_few,
)

NEEDED = 2


def one_sample_mean(values: ArrayLike, what: str = "tasks") -> Estimate:
    """The mean, Student's interval, and a two-sided p value against zero.

    Args:
        values: [n] one for each thing, such as a task's mean gain; NaN is left out.
        what: the things, in words.

    Equal values have neither interval nor p: the few there are do not show how they vary.
    """
    from scipy import stats

    (known,) = columns(values=values)
    if len(known) < NEEDED:
        return missing_estimate(len(known), too_few(len(known), NEEDED, what))
    value = float(known.mean())
    if nearly_equal(known):
        return Estimate(value, n=len(known), note=NO_VARIATION)
    found = stats.ttest_1samp(known, 0.0)
    interval = found.confidence_interval(1 - LEVEL)
    return Estimate(
        value, float(interval.low), float(interval.high), float(found.pvalue), len(known)
    )
