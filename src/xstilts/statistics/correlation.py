"""Rank correlation over the last axis, for one sample or for thousands of draws at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from xstilts.statistics.estimate import Floats

Kind = Literal["spearman", "kendall"]


def ranks(values: Floats) -> Floats:
    """[..., n] ranks from 1 along the last axis; equals share their mean rank."""
    from scipy import stats

    return np.asarray(stats.rankdata(values, axis=-1), dtype=np.float64)


def pearson(x: Floats, y: Floats) -> Floats:
    """[..., n] and [..., n] → [...] correlations, -1 to 1; NaN where one side does not vary."""
    x, y = (one - one.mean(axis=-1, keepdims=True) for one in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (x * y).sum(-1) / np.sqrt((x**2).sum(-1) * (y**2).sum(-1))
    return np.clip(found, -1.0, 1.0)  # rounding can lead beyond


def spearman(x: Floats, y: Floats) -> Floats:
    """Spearman's rho: the correlation of ranks."""
    return pearson(ranks(x), ranks(y))


def kendall(x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b: concordant pairs minus discordant ones, corrected for equals."""
    one, other = np.triu_indices(x.shape[-1], 1)
    a, b = (np.sign(values[..., one] - values[..., other]) for values in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.clip(found, -1.0, 1.0)


CORRELATIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "spearman": spearman,
    "kendall": kendall,
}
