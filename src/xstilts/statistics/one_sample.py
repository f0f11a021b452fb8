"""The mean of a small sample."""

from __future__ import annotations

from numpy.typing import ArrayLike

from xstilts.statistics.estimate import (
    LEVEL,
    NO_VARIATION,
    Estimate,
    complete_cases,
    missing_estimate,
    nearly_equal,
    too_few,
)

MIN_VALUES = 2


def one_sample_mean(values: ArrayLike, what: str = "tasks") -> Estimate:
    """Mean, Student's interval, and two-sided p value against zero.

    Args:
        values: [n] one per unit, such as the mean gain of each task; NaN is dropped.
        what: name of the units, for notes.

    Equal values have neither interval nor p value.
    """
    from scipy import stats

    (sample,) = complete_cases(values=values)
    if len(sample) < MIN_VALUES:
        return missing_estimate(len(sample), too_few(len(sample), MIN_VALUES, what))
    value = float(sample.mean())
    if nearly_equal(sample):
        return Estimate(value, n=len(sample), note=NO_VARIATION)
    test = stats.ttest_1samp(sample, 0.0)
    interval = test.confidence_interval(1 - LEVEL)
    return Estimate(
        value, float(interval.low), float(interval.high), float(test.pvalue), len(sample)
    )
