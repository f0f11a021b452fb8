"""Divergence of the token distributions of two tasks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from xstilts.core.errors import DataError
from xstilts.statistics.estimate import Floats


def jensen_shannon(left: Mapping[Hashable, int], right: Mapping[Hashable, int]) -> float:
    """Jensen-Shannon divergence of two token distributions in bits: 0 if equal, 1 if disjoint.

    Args:
        left, right: token → count, such as a `Counter` of token ids.

    Raises:
        DataError: there are no tokens on one side.

    Source: Lin (1991), with equal weights.
    """
    tokens = list(dict.fromkeys([*left, *right]))
    p, q = (_probabilities(counts, tokens) for counts in (left, right))
    mean = (p + q) / 2
    return float((_kl_bits(p, mean) + _kl_bits(q, mean)) / 2)


def _probabilities(counts: Mapping[Hashable, int], tokens: list[Hashable]) -> Floats:
    array = np.array([counts.get(token, 0) for token in tokens], dtype=np.float64)
    if array.sum() <= 0:
        raise DataError("a task without tokens has no distribution", todo="add texts to the task")
    return np.asarray(array / array.sum())


def _kl_bits(p: Floats, q: Floats) -> float:
    """Kullback–Leibler divergence of p from q in bits; q > 0 wherever p > 0."""
    support = p > 0
    return float((p[support] * np.log2(p[support] / q[support])).sum())
