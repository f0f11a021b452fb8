"""Permutation p values: how often would chance alone do as well?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from math import comb, factorial

import numpy as np
from numpy.typing import NDArray

from xstilts.statistics.estimate import NAN, Floats

DRAWS = 9_999
ALL = 10_000
"""As many arrangements are all listed, and the p value is exact; of more, some are drawn."""
CLOSE = 1e-12
Places = NDArray[np.intp]


def orders(n: int, draws: int, seed: int) -> tuple[Places, bool]:
    """[m, n] orders of n things, and whether these are all there are."""
    if factorial(n) <= ALL:
        return np.array(list(permutations(range(n))), dtype=np.intp), True
    generator = np.random.default_rng(seed)
    return np.argsort(generator.random((draws, n)), axis=1), False


def choices(n: int, k: int, draws: int, seed: int) -> tuple[NDArray[np.bool_], bool]:
    """[m, n] ways to choose k of n things, and whether these are all there are."""
    if comb(n, k) > ALL:
        places, every = orders(n, draws, seed)[0][:, :k], False
    else:
        places, every = np.array(list(combinations(range(n), k)), dtype=np.intp), True
    chosen = np.zeros((len(places), n), dtype=bool)
    np.put_along_axis(chosen, places, True, axis=1)
    return chosen, every


def p_value(observed: float, drawn: Floats, every: bool) -> float:
    """Two-sided: the share of arrangements at least as far from 0 as the observed one.

    Where arrangements were drawn, the observed one is counted as one more of them (Phipson &
    Smyth 2010), so that p is never 0.
    """
    if np.isnan(observed):
        return NAN
    further = int((np.abs(drawn) >= abs(observed) - CLOSE).sum())
    return further / len(drawn) if every else (further + 1) / (len(drawn) + 1)


def of_orders(
    statistic: Callable[[Floats], Floats], values: Floats, draws: int, seed: int
) -> float:
    """The p value of statistic(values [..., n]) → [...] against all orders of the values."""
    places, every = orders(len(values), draws, seed)
    return p_value(float(statistic(values)), statistic(values[places]), every)
