"""How different the words of two tasks are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from xstilts.core.errors import DataError
from xstilts.statistics.estimate import Floats


def jensen_shannon(one: Mapping[Hashable, int], other: Mapping[Hashable, int]) -> float:
    """The divergence between two token distributions in bits: 0 for equal, 1 for disjoint ones.

    Args:
        one, other: token → how often it occurs, such as a `Counter` of sub-word ids.

    Raises:
        DataError: one of them has no tokens.

    Source: Lin (1991), with equal weights.
    """
    tokens = list(dict.fromkeys([*one, *other]))
    p, q = (_shares(counts, tokens) for counts in (one, other))
    middle = (p + q) / 2
    return float((_bits(p, middle) + _bits(q, middle)) / 2)


def _shares(counts: Mapping[Hashable, int], tokens: list[Hashable]) -> Floats:
    found = np.array([counts.get(token, 0) for token in tokens], dtype=np.float64)
    if found.sum() <= 0:
        raise DataError("a task without tokens has no distribution", todo="give it texts")
    return np.asarray(found / found.sum())


def _bits(p: Floats, q: Floats) -> float:
    """Kullback–Leibler divergence from q, which is above 0 wherever p is."""
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())
