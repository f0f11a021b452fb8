"""LogME: how well an encoder's frozen features would carry a linear model of the labels.

The log evidence of a Bayesian linear regression, largest over the precisions of weights (alpha)
and noise (beta), per example and averaged over label columns. You et al. (2021); fixed point,
11 rounds and 1 % tolerance as in thuml/LogME.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xstilts.core.errors import DataError
from xstilts.statistics.estimate import Floats

ROUNDS = 11
TOLERANCE = 0.01
SMALL = 1e-12


def logme(
    features: ArrayLike, labels: ArrayLike, rounds: int = ROUNDS, tolerance: float = TOLERANCE
) -> float:
    """The score of n examples' features for a target; the higher, the more they carry.

    Args:
        features: [n, d].
        labels: [n] classes as whole numbers, or [n, k] numbers to be regressed on.

    Raises:
        ValueError: they differ in n.
        DataError: features are not finite, or there is one class only.
    """
    rows, wanted = np.asarray(features, dtype=np.float64), _columns(labels)
    if len(rows) != len(wanted):
        raise ValueError(f"{len(rows)} rows of features for {len(wanted)} labels")
    if not np.isfinite(rows).all():
        raise DataError("features are not finite", todo="the encoder has diverged: train it anew")
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    kept = singular > singular[0] * max(rows.shape) * np.finfo(np.float64).eps
    along, eigen = left[:, kept].T @ wanted, singular[kept] ** 2
    found = [
        _Column(at, eigen, float(y @ y), len(y)) for at, y in zip(along.T, wanted.T, strict=True)
    ]
    return float(np.mean([_evidence(column, rounds, tolerance) for column in found]))


def _columns(labels: ArrayLike) -> Floats:
    """[n, k]: one column per class, or the numbers as they are."""
    found = np.asarray(labels)
    if found.ndim == 2:
        return found.astype(np.float64)
    classes = np.unique(found)
    if len(classes) < 2:
        raise DataError("all examples have one label", todo="give examples of two labels or more")
    return np.asarray(found[:, None] == classes, dtype=np.float64)


@dataclass(frozen=True)
class _Column:
    """One column of n labels.

    Args:
        along: [r] its parts along the features' left singular vectors.
        eigen: [r] their squared singular values.
        square: its squared length.
    """

    along: Floats
    eigen: Floats
    square: float
    n: int


@dataclass(frozen=True)
class _Fit:
    """What the posterior mean leaves: its squared length and the squared residual."""

    weights: float
    residual: float


def _evidence(column: _Column, rounds: int, tolerance: float) -> float:
    """The log evidence per example of one label column."""
    eigen, n = column.eigen, column.n
    alpha = beta = ratio = 1.0
    for _ in range(rounds):
        fit = _fit(column, ratio)
        used = float((eigen / (eigen + ratio)).sum())
        alpha = max(used, SMALL) / max(fit.weights, SMALL)
        beta = (n - used) / max(fit.residual, SMALL)
        before, ratio = ratio, alpha / beta
        if abs(ratio - before) <= tolerance * before:
            break
    fit = _fit(column, ratio)
    # A dimension that the features do not span adds (ln alpha - ln alpha) / 2 = 0.
    log = len(eigen) * np.log(alpha) + n * np.log(beta) - np.log(alpha + beta * eigen).sum()
    rest = beta * fit.residual + alpha * fit.weights + n * np.log(2 * np.pi)
    return float(log - rest) / (2 * n)


def _fit(column: _Column, ratio: float) -> _Fit:
    """The posterior mean at a ratio of alpha to beta."""
    square, eigen = column.along**2, column.eigen
    weights = float((square * eigen / (eigen + ratio) ** 2).sum())
    outside = max(column.square - float(square.sum()), 0.0)
    return _Fit(weights, outside + float((square * (ratio / (eigen + ratio)) ** 2).sum()))
