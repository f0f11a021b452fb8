"""Similarity of two encoders' representations of the same sentences."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from xstilts.core.errors import DataError
from xstilts.statistics.estimate import Floats


def linear_cka(x: ArrayLike, y: ArrayLike) -> float:
    """Linear centred kernel alignment: 1 for representations equal up to rotation and scale.

    Args:
        x: [n, d], y: [n, e]; row i of both is the same sentence.

    Raises:
        ValueError: x and y differ in n.
        DataError: all rows of x or y are equal, or some are not finite.

    Source: Kornblith et al. (2019). Biased upwards for few sentences and many dimensions, even
    for unrelated representations: compare only values with the same n, d and e.
    """
    x, y = _centred(x), _centred(y)
    if len(x) != len(y):
        raise ValueError(f"representations of different sentences: {len(x)} and {len(y)}")
    return _product(x, y) / sqrt(_product(x, x) * _product(y, y))


def _centred(rows: ArrayLike) -> Floats:
    array = np.asarray(rows, dtype=np.float64)
    centred: Floats = array - array.mean(axis=0)
    if not np.isfinite(centred).all() or not (np.abs(centred).max() > 1e-12 * np.abs(array).max()):
        raise DataError(
            "representations are all equal or not finite: CKA is undefined",
            todo="the encoder collapsed or diverged; retrain it with a lower learning rate",
        )
    return centred


def _product(x: Floats, y: Floats) -> float:
    """‖YᵀX‖² of centred rows, from the smaller of the Gram and covariance matrices."""
    if len(x) < max(x.shape[1], y.shape[1]):
        return float(((x @ x.T) * (y @ y.T)).sum())
    return float(((y.T @ x) ** 2).sum())
