"""LogME: evidence of a linear model of the labels on an encoder's frozen features.

The log evidence of a Bayesian linear regression, maximized over the precisions of weights (alpha)
and noise (beta), per example and averaged over label columns. Source: You et al. (2021);
fixed-point iteration with 11 rounds and a tolerance of 1 % as in thuml/LogME.
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
    """LogME score of features for a target; higher is better.

    Args:
        features: [n, d].
        labels: [n] classes as integers, or [n, k] regression targets.

    Raises:
        ValueError: features and labels differ in n.
        DataError: features are not finite, or there is only one class.
    """
    rows, targets = np.asarray(features, dtype=np.float64), _target_columns(labels)
    if len(rows) != len(targets):
        raise ValueError(f"{len(rows)} rows of features for {len(targets)} labels")
    if not np.isfinite(rows).all():
        raise DataError(
            "features are not finite",
            todo="the encoder diverged; retrain it with a lower learning rate",
        )
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    kept = singular > singular[0] * max(rows.shape) * np.finfo(np.float64).eps
    coordinates, eigenvalues = left[:, kept].T @ targets, singular[kept] ** 2
    columns = [
        _Column(coordinate, eigenvalues, float(y @ y), len(y))
        for coordinate, y in zip(coordinates.T, targets.T, strict=True)
    ]
    return float(np.mean([_evidence(column, rounds, tolerance) for column in columns]))


def _target_columns(labels: ArrayLike) -> Floats:
    """[n, k]: one-hot classes, or the regression targets unchanged."""
    array = np.asarray(labels)
    if array.ndim == 2:
        return array.astype(np.float64)
    classes = np.unique(array)
    if len(classes) < 2:
        raise DataError("all examples have one label", todo="add examples of another label")
    return np.asarray(array[:, None] == classes, dtype=np.float64)


@dataclass(frozen=True)
class _Column:
    """One column of n labels.

    Args:
        coordinates: [r] in the basis of the features' left singular vectors.
        eigenvalues: [r] squared singular values.
        squared_norm: of the column.
    """

    coordinates: Floats
    eigenvalues: Floats
    squared_norm: float
    n: int


@dataclass(frozen=True)
class _Fit:
    """Squared norm and squared residual of the posterior mean."""

    weights: float
    residual: float


def _evidence(column: _Column, rounds: int, tolerance: float) -> float:
    """Log evidence per example of one label column."""
    eigenvalues, n = column.eigenvalues, column.n
    alpha = beta = ratio = 1.0
    for _ in range(rounds):
        fit = _fit(column, ratio)
        effective = float((eigenvalues / (eigenvalues + ratio)).sum())  # number of parameters
        alpha = max(effective, SMALL) / max(fit.weights, SMALL)
        beta = (n - effective) / max(fit.residual, SMALL)
        before, ratio = ratio, alpha / beta
        if abs(ratio - before) <= tolerance * before:
            break
    fit = _fit(column, ratio)
    # A dimension that the features do not span adds (ln alpha - ln alpha) / 2 = 0.
    determinants = (
        len(eigenvalues) * np.log(alpha)
        + n * np.log(beta)
        - np.log(alpha + beta * eigenvalues).sum()
    )
    exponent = beta * fit.residual + alpha * fit.weights + n * np.log(2 * np.pi)
    return float(determinants - exponent) / (2 * n)


def _fit(column: _Column, ratio: float) -> _Fit:
    """Posterior mean for a ratio of alpha to beta."""
    squares, eigenvalues = column.coordinates**2, column.eigenvalues
    weights = float((squares * eigenvalues / (eigenvalues + ratio) ** 2).sum())
    outside = max(column.squared_norm - float(squares.sum()), 0.0)
    inside = float((squares * (ratio / (eigenvalues + ratio)) ** 2).sum())
    return _Fit(weights, outside + inside)
