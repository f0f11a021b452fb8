"""How alike two encoders represent the same sentences."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from xstilts.core.errors import DataError
from xstilts.statistics.estimate import Floats


def linear_cka(one: ArrayLike, other: ArrayLike) -> float:
    """Linear centred kernel alignment: 1 for representations alike but for rotation and scale.

    Args:
        one: [n, d], other: [n, e], row i of both for the same sentence.

    Raises:
        ValueError: they differ in n.
        DataError: all rows of one of them are equal, or not finite.

    Source: Kornblith et al. (2019). With few sentences and many dimensions it is too high, for
    unrelated representations as well: compare values of the same n, d and e.
    """
    x, y = _centred(one), _centred(other)
    if len(x) != len(y):
        raise ValueError(f"representations of different sentences: {len(x)} and {len(y)}")
    return _product(x, y) / sqrt(_product(x, x) * _product(y, y))


def _centred(rows: ArrayLike) -> Floats:
    found = np.asarray(rows, dtype=np.float64)
    centred: Floats = found - found.mean(axis=0)
    if not np.isfinite(centred).all() or not (np.abs(centred).max() > 1e-12 * np.abs(found).max()):
        raise DataError(
            "representations are all equal or not finite: they can be compared with nothing",
            todo="the encoder has collapsed or diverged: train it anew, at a lower rate",
        )
    return centred


def _product(x: Floats, y: Floats) -> float:
    """‖YᵀX‖² of centred rows, by whichever matrices are smaller."""
    if len(x) < max(x.shape[1], y.shape[1]):
        return float(((x @ x.T) * (y @ y.T)).sum())
    return float(((y.T @ x) ** 2).sum())
