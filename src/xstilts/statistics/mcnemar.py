"""McNemar's (1947) test: which of two systems is right where the other is wrong?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import LEVEL, Estimate


@dataclass(frozen=True)
class McNemar:
    """Two systems on the same examples.

    Args:
        gained: examples that only ours has right; `lost`: only theirs.
        difference: of accuracies, with its interval and the exact p value.
        mid_p: less strict than the exact one, and still near its level (Fagerland et al. 2013).
    """

    gained: int
    lost: int
    difference: Estimate
    mid_p: float


def mcnemar(ours: ArrayLike, theirs: ArrayLike) -> McNemar:
    """Compare two systems' right and wrong answers, example by example.

    Args:
        ours, theirs: [n] whether each example is right.

    Raises:
        ValueError: they differ in length, or there are none.

    The interval is Agresti & Min's (2005): Wald's, with half an example added to each of the
    four cells.
    """
    one, other = np.asarray(ours, dtype=bool), np.asarray(theirs, dtype=bool)
    if one.shape != other.shape or not one.size:
        raise ValueError(f"predictions are not paired: {one.size} and {other.size}")
    gained, lost = int((one & ~other).sum()), int((~one & other).sum())
    exact, mid = _p_values(gained, lost)
    low, high = _interval(gained, lost, one.size)
    note = "" if gained + lost else "both are right and wrong on the same examples"
    value = (gained - lost) / one.size
    return McNemar(gained, lost, Estimate(value, low, high, exact, one.size, note), mid)


def _p_values(gained: int, lost: int) -> tuple[float, float]:
    from scipy import stats

    smaller, both = min(gained, lost), gained + lost
    exact = min(1.0, 2 * float(stats.binom.cdf(smaller, both, 0.5)))
    at = float(stats.binom.pmf(smaller, both, 0.5))
    return exact, 1.0 - at if gained == lost else exact - at


def _interval(gained: int, lost: int, n: int) -> tuple[float, float]:
    from scipy import stats

    more, less, total = gained + 0.5, lost + 0.5, n + 2
    middle = (more - less) / total
    error = (more + less - (more - less) ** 2 / total) ** 0.5 / total
    width = float(stats.norm.ppf(1 - LEVEL / 2)) * error
    return max(-1.0, middle - width), min(1.0, middle + width)
