"""Correlations of predicted with gold numbers, between -1 and 1: Pearson's r, Spearman's rho.

Both as scipy.stats has them; Spearman's is Pearson's of the ranks, equal numbers sharing the mean
of their ranks. NaN where the gold numbers or the predictions are all equal.

Pearson's is a function of column sums. Spearman's is one only for all examples together: in a
resample each example has another rank, so the bootstrap ranks every resample (`resampled`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics.base import Floats, Metric

GOLD, PREDICTED = 1, 2
"""Columns of the statistics: 1, x, y, x², y², xy of gold x and prediction y."""
EQUAL = 1e-6
"""Predictions whose range is at most this share of the largest are equal but for rounding."""
SMALLEST_VARIANCE = 1e-12
"""Of a resample of numbers that have variance 1: less is rounding."""


def constant(predicted: Sequence[float]) -> bool:
    """Whether predictions are all equal, up to the rounding of 32-bit floats."""
    if not len(predicted):
        return True
    low, high = min(predicted), max(predicted)
    return high - low <= EQUAL * max(abs(low), abs(high))


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each number, from 1; equal numbers have the mean of their ranks."""
    from scipy.stats import rankdata

    average: list[float] = rankdata(values, method="average").tolist()
    return average


def _standard(values: Sequence[float]) -> Floats:
    """Numbers with mean 0 and variance 1, whose sums of squares are exact; zeros if all equal.

    A correlation does not depend on mean and scale.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if len(set(values)) <= 1:
        return np.zeros(len(numbers))
    with np.errstate(invalid="ignore"):  # infinite predictions: the correlation is NaN
        centred = numbers - numbers.mean()
        scaled: Floats = centred / np.abs(centred).max()
        standard: Floats = scaled / scaled.std()
    return standard


def _table(gold: Sequence[float], predicted: Sequence[float]) -> Floats:
    x, y = _standard(gold), _standard(predicted)
    return np.stack([np.ones(len(x)), x, y, x**2, y**2, x * y], axis=1)


def pearson_statistics(gold: Sequence[Any], predicted: Sequence[Any], language: str) -> Floats:
    """[n, 6]: 1, x, y, x², y², xy of the standardised numbers."""
    return _table(gold, [0.0] * len(gold) if constant(predicted) else predicted)


def spearman_statistics(gold: Sequence[Any], predicted: Sequence[Any], language: str) -> Floats:
    """[n, 6]: 1, x, y, x², y², xy of the standardised ranks."""
    return _table(ranks(gold), [0.0] * len(gold) if constant(predicted) else ranks(predicted))


def value(sums: Floats) -> Floats:
    """Pearson's correlation of x and y; NaN where either has no variance."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_x, of_y = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
        both = (xy / n - x * y / n**2) / np.sqrt(of_x * of_y)
    defined = (of_x > SMALLEST_VARIANCE) & (of_y > SMALLEST_VARIANCE)
    return np.where(defined, np.clip(both, -1.0, 1.0), np.nan)


def resampled_spearman(weights: Floats, table: Floats) -> Floats:
    """[draws] Spearman's rho of resamples.

    Args:
        weights: [draws, n] how often each example is drawn.
        table: [n, 6] `spearman_statistics` of all examples, which have their order and ties.
    """
    x, y = (_centred_ranks(weights, table[:, column]) for column in (GOLD, PREDICTED))
    xx, yy, xy = (np.einsum("dn,dn,dn->d", weights, *pair) for pair in ((x, x), (y, y), (x, y)))
    n, zeros = weights.sum(axis=1), np.zeros(len(weights))
    return value(np.stack([n, zeros, zeros, xx, yy, xy], axis=-1))


def _centred_ranks(weights: Floats, values: Floats) -> Floats:
    """[draws, n] rank of each example's number among the drawn ones, less the mean rank.

    Equal numbers share the mean of their ranks; a number drawn twice has two ranks.
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    total = weights.sum(axis=1, keepdims=True)
    centred: Floats = np.cumsum(sizes, axis=1) - sizes / 2 - total / 2
    return centred[:, group]


PEARSON = Metric(
    name="pearson",
    version=1,
    statistics=pearson_statistics,
    value=value,
    formats=("regression",),
    title="Pearson's correlation of gold and predicted numbers",
    lowest=-1.0,
)
SPEARMAN = Metric(
    name="spearman",
    version=1,
    statistics=spearman_statistics,
    value=value,
    formats=("regression",),
    title="Spearman's rank correlation of gold and predicted numbers",
    lowest=-1.0,
    resampled=resampled_spearman,
)
