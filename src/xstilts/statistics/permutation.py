"""Permutation p values."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from math import ceil, comb, factorial

import numpy as np
from numpy.typing import NDArray

from xstilts.statistics.estimate import LEVEL, NAN, Floats

DRAWS = 9_999
MAX_EXACT = 10_000
ROUNDING = 1e-9
"""More than the rounding error of a number of steps."""
"""Up to this many arrangements are enumerated, for an exact p value; else some are drawn."""
TOLERANCE = 1e-12
Indices = NDArray[np.intp]


def orders(n: int, draws: int, seed: int) -> tuple[Indices, bool]:
    """Return [m, n] permutations of n items, and whether these are all of them."""
    if factorial(n) <= MAX_EXACT:
        return np.array(list(permutations(range(n))), dtype=np.intp), True
    generator = np.random.default_rng(seed)
    return np.argsort(generator.random((draws, n)), axis=1), False


def subsets(n: int, k: int, draws: int, seed: int) -> tuple[NDArray[np.bool_], bool]:
    """Return [m, n] masks of k of n items, and whether these are all of them."""
    if comb(n, k) > MAX_EXACT:
        indices, exhaustive = orders(n, draws, seed)[0][:, :k], False
    else:
        indices, exhaustive = np.array(list(combinations(range(n), k)), dtype=np.intp), True
    masks = np.zeros((len(indices), n), dtype=bool)
    np.put_along_axis(masks, indices, True, axis=1)
    return masks, exhaustive


def smallest_contrast_p(inside: int, others: int) -> float:
    """Smallest two-sided p value of a contrast; the complement counts in groups of equal size."""
    arrangements = comb(inside + others, inside)
    exact = (2 if inside == others else 1) / arrangements
    return exact if arrangements <= MAX_EXACT else max(exact, 1 / (DRAWS + 1))


def attained_level(inside: int, others: int) -> float:
    """Largest p value of a contrast below 0.05, as p has steps; 0 if there is none."""
    step = smallest_contrast_p(inside, others)
    return step * (ceil(LEVEL / step - ROUNDING) - 1)


def p_value(observed: float, permuted: Floats, exhaustive: bool) -> float:
    """Two-sided p value: the proportion of arrangements at least as far from 0 as observed.

    If arrangements were drawn, the observed one is added to them (Phipson & Smyth 2010), so that
    p is never 0.
    """
    if np.isnan(observed):
        return NAN
    extreme = int((np.abs(permuted) >= abs(observed) - TOLERANCE).sum())
    return extreme / len(permuted) if exhaustive else (extreme + 1) / (len(permuted) + 1)


def permutation_p(
    statistic: Callable[[Floats], Floats], values: Floats, draws: int, seed: int
) -> float:
    """Compute the p value of statistic(values [..., n]) → [...] by permuting the values."""
    indices, exhaustive = orders(len(values), draws, seed)
    return p_value(float(statistic(values)), statistic(values[indices]), exhaustive)
