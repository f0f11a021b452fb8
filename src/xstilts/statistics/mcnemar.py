"""McNemar's (1947) test of two systems' accuracies on the same examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import LEVEL, Estimate


@dataclass(frozen=True)
class McNemar:
    """Comparison of a system with a baseline on the same examples.

    Args:
        gained: number of examples that only the system classifies correctly.
        lost: number of examples that only the baseline classifies correctly.
        difference: of accuracies, with its interval and the exact p value.
        mid_p: less conservative than the exact p value, with a level still near nominal
            (Fagerland et al. 2013). With as many gained as lost it is 1 − pmf / 2, as in their
            paper: 0.5 for systems that are correct on the same examples.
    """

    gained: int
    lost: int
    difference: Estimate
    mid_p: float


def mcnemar(system: ArrayLike, baseline: ArrayLike) -> McNemar:
    """Compare the correctness of two systems, example by example.

    Args:
        system, baseline: [n] whether each example is classified correctly.

    Raises:
        ValueError: the arguments differ in length, or are empty.

    The interval is that of Agresti & Min (2005): Wald's, with half an example added to each of
    the four cells.
    """
    correct, reference = np.asarray(system, dtype=bool), np.asarray(baseline, dtype=bool)
    n = correct.size
    if correct.shape != reference.shape or not n:
        raise ValueError(f"predictions are not paired: {n} and {reference.size}")
    gained, lost = int((correct & ~reference).sum()), int((~correct & reference).sum())
    exact, mid = _p_values(gained, lost)
    low, high = _interval(gained, lost, n)
    note = "" if gained + lost else "both systems are correct on the same examples"
    return McNemar(gained, lost, Estimate((gained - lost) / n, low, high, exact, n, note), mid)


def _p_values(gained: int, lost: int) -> tuple[float, float]:
    from scipy import stats

    smaller, discordant = min(gained, lost), gained + lost
    exact = min(1.0, 2 * float(stats.binom.cdf(smaller, discordant, 0.5)))
    at_smaller = float(stats.binom.pmf(smaller, discordant, 0.5))
    return exact, 1.0 - at_smaller / 2 if gained == lost else exact - at_smaller


def _interval(gained: int, lost: int, n: int) -> tuple[float, float]:
    from scipy import stats

    more, less, total = gained + 0.5, lost + 0.5, n + 2
    centre = (more - less) / total
    standard_error = (more + less - (more - less) ** 2 / total) ** 0.5 / total
    half_width = float(stats.norm.ppf(1 - LEVEL / 2)) * standard_error
    return max(-1.0, centre - half_width), min(1.0, centre + half_width)
