"""How large an effect must be for an experiment to see it."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from xstilts.statistics.estimate import LEVEL, NAN

POWER = 0.8
SLICES = 4_000


def detectable_difference(
    n: int, disagreement: float, power: float = POWER, level: float = LEVEL
) -> float:
    """The smallest difference of two accuracies that McNemar's test finds with this power.

    Args:
        n: test examples.
        disagreement: share of the examples where just one of the two systems is right.

    Returns:
        Between 0 and `disagreement`; NaN where not even the largest would be found, or nothing
        differs.

    Source: Connor (1987), by the normal approximation.
    """
    if not disagreement > 0:
        return NAN
    alpha, beta = _normal(1 - level / 2), _normal(power)

    def surplus(difference: float) -> float:
        rest = max(disagreement - difference**2, 0.0)
        return sqrt(n) * difference - alpha * sqrt(disagreement) - beta * sqrt(rest)

    return _root(surplus, 0.0, disagreement)


def detectable_mean(spread: float, n: int, power: float = POWER, level: float = LEVEL) -> float:
    """The smallest mean that a two-sided t test over n values finds with this power.

    Args:
        spread: standard deviation of the values, such as of one gain over seeds.
        n: how many values, such as seeds; below two nothing can be found, and it is NaN.
    """
    if n < 2 or not spread > 0:
        return NAN
    return spread * _root(lambda effect: mean_power(effect, n, level) - power, 0.0, 1e4)


def detectable_effect(error: float, power: float = POWER, level: float = LEVEL) -> float:
    """The smallest effect that is found with this power, given its standard error, if normal."""
    return error * (_normal(1 - level / 2) + _normal(power))


def mean_power(effect: float, n: int, level: float = LEVEL) -> float:
    """How often a two-sided t test over n values finds a mean of so many standard deviations.

    The normal power at each of many sample variances, averaged; scipy's noncentral t fails for
    few values and large effects.
    """
    import numpy as np
    from scipy import stats

    middles = (np.arange(SLICES) + 0.5) / SLICES
    spread = np.sqrt(stats.chi2.ppf(middles, n - 1) / (n - 1))
    edge = float(stats.t.ppf(1 - level / 2, n - 1)) * spread
    shift = effect * n**0.5
    return float((stats.norm.sf(edge - shift) + stats.norm.cdf(-edge - shift)).mean())


def _normal(share: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(share))


def _root(surplus: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function passes zero, by halving; NaN where it stays below."""
    if not surplus(high) >= 0:
        return NAN
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if surplus(middle) >= 0 else (middle, high)
    return high
