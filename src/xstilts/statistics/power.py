"""Smallest effects that an experiment can detect."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import sqrt

from xstilts.statistics.estimate import LEVEL, NAN, Floats

POWER = 0.8
SLICES = 4_000


def detectable_difference(
    n: int, disagreement: float, power: float = POWER, level: float = LEVEL
) -> float:
    """Smallest difference of two accuracies that McNemar's test detects with this power.

    Args:
        n: number of test examples.
        disagreement: proportion of examples where exactly one of the systems is correct.

    Returns:
        Between 0 and `disagreement`; NaN if even the largest difference is not detectable, or
        the systems do not disagree.

    Source: Connor (1987), normal approximation.
    """
    if not disagreement > 0:
        return NAN
    z_alpha, z_beta = _normal_quantile(1 - level / 2), _normal_quantile(power)

    def excess_power(difference: float) -> float:
        variance = max(disagreement - difference**2, 0.0)
        return sqrt(n) * difference - z_alpha * sqrt(disagreement) - z_beta * sqrt(variance)

    return _root(excess_power, 0.0, disagreement)


def detectable_mean(
    standard_deviation: float, n: int, power: float = POWER, level: float = LEVEL
) -> float:
    """Smallest mean that a two-sided t test of n values detects with this power.

    Args:
        standard_deviation: of the values, such as of a gain over seeds.
        n: number of values, such as seeds; with fewer than two the result is NaN.
    """
    if n < 2 or not standard_deviation > 0:
        return NAN
    return standard_deviation * _root(lambda effect: mean_power(effect, n, level) - power, 0.0, 1e4)


def detectable_effect(standard_error: float, power: float = POWER, level: float = LEVEL) -> float:
    """Smallest effect that a two-sided z test with this standard error detects with this power."""
    return standard_error * (_normal_quantile(1 - level / 2) + _normal_quantile(power))


def mean_power(effect: float, n: int, level: float = LEVEL) -> float:
    """Power of a two-sided t test of n values.

    Args:
        effect: mean in standard deviations.

    The normal power averaged over quantiles of the sample variance; scipy's noncentral t fails
    for few values and large effects.
    """
    from scipy import stats

    threshold = float(stats.t.ppf(1 - level / 2, n - 1)) * _sample_deviations(n)
    shift = effect * n**0.5
    return float((stats.norm.sf(threshold - shift) + stats.norm.cdf(-threshold - shift)).mean())


@cache
def _sample_deviations(n: int) -> Floats:
    """Quantiles of the standard deviation of n standard normal values."""
    import numpy as np
    from scipy import stats

    midpoints = (np.arange(SLICES) + 0.5) / SLICES
    deviations: Floats = np.sqrt(stats.chi2.ppf(midpoints, n - 1) / (n - 1))
    return deviations


def _normal_quantile(probability: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(probability))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Root of an increasing function by bisection; NaN if it is negative at `high`."""
    if not function(high) >= 0:
        return NAN
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) >= 0 else (middle, high)
    return high
