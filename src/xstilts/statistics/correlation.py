"""Vectorized rank correlations over the last axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from xstilts.statistics.estimate import Floats

Kind = Literal["spearman", "kendall"]


def ranks(values: Floats) -> Floats:
    """[..., n] ranks from 1 along the last axis; ties get their mean rank."""
    from scipy import stats

    return np.asarray(stats.rankdata(values, axis=-1), dtype=np.float64)


def pearson(x: Floats, y: Floats) -> Floats:
    """[..., n], [..., n] → [...] correlations; NaN where one side is constant."""
    x, y = (side - side.mean(axis=-1, keepdims=True) for side in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation: Floats = (x * y).sum(-1) / np.sqrt((x**2).sum(-1) * (y**2).sum(-1))
    return np.clip(correlation, -1.0, 1.0)  # rounding can exceed ±1


def spearman(x: Floats, y: Floats) -> Floats:
    """Spearman's rho: the correlation of ranks."""
    return pearson(ranks(x), ranks(y))


def kendall(x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b: concordant minus discordant pairs, corrected for ties."""
    i, j = np.triu_indices(x.shape[-1], 1)
    a, b = (np.sign(values[..., i] - values[..., j]) for values in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: Floats = (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.clip(tau, -1.0, 1.0)


CORRELATIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "spearman": spearman,
    "kendall": kendall,
}
