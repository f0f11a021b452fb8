"""Additive model of gains with effects of tasks, targets and measures.

gain = mean + task + target + measures + residual, all but the mean drawn from normal
distributions around zero (crossed random effects; Henderson's best linear unbiased prediction).
An unseen task or target gets the mean effect and a wider interval.

The variance ratios (effect / residual) are not point estimates: predictions are averaged over a
grid of ratios, weighted by restricted likelihood, so that the interval includes the uncertainty
of the variances. Given the ratios, a new gain has Student's t distribution with n - 1 degrees of
freedom (flat prior on the mean, Jeffreys' on the variance: Gelman et al. 2013, chapter 14); the
interval is between quantiles of the mixture of these distributions.

Part of the residual is noise of the measurement, of which some gains have more than others. The
noise of a gain relative to others is given; its mean share of the residual variance is averaged
over like the ratios, as it may be correlated between gains or not known in full. A noisy gain
weighs less, and a noisy new gain has a wider interval. Equal noise makes no difference: it is part
of the residual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from xstilts.statistics.estimate import LEVEL, Estimate, Floats, missing_estimate, too_few

MIN_LEVELS = 3
"""Fewest targets, and for an unseen task also fewest tasks, for a prediction."""
RATIOS = (0.0, 0.25, 1.0, 4.0, 16.0, 64.0, 256.0)
"""Grid of variance ratios (effect / residual), with a uniform prior."""
NOISE_SHARES = (0.0, 0.5, 0.9)
"""Grid of the noise's mean share of the residual variance, with a uniform prior. Below one: a gain
without noise would otherwise determine the others."""
BISECTIONS = 40
NEGLIGIBLE = 1e-6
"""Ratios with a smaller likelihood relative to the maximum are ignored."""


@dataclass(frozen=True)
class Design:
    """Rows of the model: the task, target and measures of each gain.

    Args:
        tasks, targets: [n] names.
        features: [n, k] measures, centred and approximately of unit variance; k can be 0.
        noise: [n] positive sampling variances, in any unit; equal by default.

    Raises:
        ValueError: the arguments differ in n.
    """

    tasks: Sequence[str]
    targets: Sequence[str]
    features: Floats
    noise: Floats | None = None

    def __post_init__(self) -> None:
        rows = self.targets, self.features, self.variances
        if any(len(row) != len(self.tasks) for row in rows):
            raise ValueError("tasks, targets, features and noise must have one row for each gain")

    @property
    def variances(self) -> Floats:
        """[n] `noise`, or ones."""
        return np.ones(len(self.tasks)) if self.noise is None else self.noise


def predict(measured: Design, gains: Floats, query: Design) -> list[Estimate]:
    """Expected gain of each row of `query`, with the interval of a measurement.

    Args:
        measured, gains: [n] measured gains, without NaN.
        query: [m] rows to predict.

    Returns:
        [m] estimates whose `n` is the number of measured targets; NaN with a note if there are
        too few.

    Raises:
        ValueError: `measured` and `gains` differ in length, or a gain is NaN.
    """
    if len(gains) != len(measured.tasks) or np.isnan(gains).any():
        raise ValueError("gains must have one number, not NaN, for each measured row")
    count = len(set(measured.targets))
    problems = [_problem(measured, task) for task in query.tasks]
    if all(problems):
        return [missing_estimate(count, problem) for problem in problems]
    mixture = _Mixture.of(list(_fits(measured, gains, query)), len(gains) - 1)
    value, low, high = mixture.mean(), mixture.quantile(LEVEL / 2), mixture.quantile(1 - LEVEL / 2)
    return [
        missing_estimate(count, problem)
        if problem
        else Estimate(float(v), float(lo), float(hi), n=count)
        for problem, v, lo, hi in zip(problems, value, low, high, strict=True)
    ]


def _problem(measured: Design, task: str) -> str:
    """Why there is no prediction for a task; else empty."""
    tasks, targets = set(measured.tasks), set(measured.targets)
    if len(targets) < MIN_LEVELS:
        return too_few(len(targets), MIN_LEVELS, "targets")
    if task not in tasks and len(tasks) < MIN_LEVELS:
        return too_few(len(tasks), MIN_LEVELS, "tasks")
    return ""


@dataclass(frozen=True)
class _Fits:
    """Predictions for g combinations of variance ratios.

    Args:
        log_likelihood: [g] restricted.
        location, scale: [g, m] of Student's t distribution.
    """

    log_likelihood: Floats
    location: Floats
    scale: Floats


def _fits(measured: Design, gains: Floats, query: Design) -> Iterator[_Fits]:
    """Yield the fits of all combinations of ratios, by the ratio of tasks and the noise's share."""
    within, across, own = (
        np.stack(_kernels(*pair))
        for pair in ((measured, measured), (measured, query), (query, query))
    )
    measure_ratios = RATIOS if measured.features.shape[1] else RATIOS[:1]
    excess, excess_new = (
        design.variances / measured.variances.mean() - 1 for design in (measured, query)
    )
    shares = NOISE_SHARES[:1] if np.allclose(excess, 0) else NOISE_SHARES
    for task_ratio, share in product(RATIOS, shares):
        ratios = np.array(list(product([task_ratio], RATIOS, measure_ratios)))
        yield _fitted(
            np.diag(1 + share * excess) + np.tensordot(ratios, within, 1),
            gains,
            np.tensordot(ratios, across, 1),
            1 + share * excess_new + ratios @ np.diagonal(own, axis1=1, axis2=2),
        )


def _kernels(left: Design, right: Design) -> list[Floats]:
    """[n, m] kernels of the effects of tasks, targets and measures."""
    return [
        _equal(left.tasks, right.tasks),
        _equal(left.targets, right.targets),
        left.features @ right.features.T / max(1, left.features.shape[1]),
    ]


def _equal(left: Sequence[str], right: Sequence[str]) -> Floats:
    equal = np.equal.outer(np.array(left, dtype=str), np.array(right, dtype=str))
    return np.asarray(equal, dtype=np.float64)


def _fitted(within: Floats, gains: Floats, across: Floats, own: Floats) -> _Fits:
    """Generalised least squares with an unknown mean (universal kriging).

    Args:
        within: [g, n, n] covariance of the measured gains.
        across: [g, n, m] covariance of measured and predicted gains.
        own: [g, m] variance of predicted gains; all relative to the residual variance.
    """
    combinations, n, _ = across.shape
    lower = np.linalg.cholesky(within)
    regression = np.broadcast_to(np.stack([np.ones(n), gains], axis=1), (combinations, n, 2))
    whitened = np.linalg.solve(lower, np.concatenate([regression, across], axis=2))
    ones, white_gains, white_across = whitened[..., 0], whitened[..., 1], whitened[..., 2:]
    weight = (ones**2).sum(axis=1)
    mean = (ones * white_gains).sum(axis=1) / weight
    residual = white_gains - mean[:, None] * ones
    squares = np.maximum((residual**2).sum(axis=1), np.finfo(float).tiny)
    unexplained = 1 - (ones[..., None] * white_across).sum(axis=1)
    variance = own - (white_across**2).sum(axis=1) + unexplained**2 / weight[:, None]
    log_determinant = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1) + np.log(weight)
    return _Fits(
        -(log_determinant + (n - 1) * np.log(squares)) / 2,
        mean[:, None] + (residual[..., None] * white_across).sum(axis=1),
        np.sqrt(squares[:, None] / (n - 1) * variance),
    )


@dataclass(frozen=True)
class _Mixture:
    """Weighted mixture of Student's t distributions for m predicted gains.

    Args:
        weights: [g]; location, scale: [g, m].
    """

    weights: Floats
    location: Floats
    scale: Floats
    freedom: int

    @classmethod
    def of(cls, fits: Sequence[_Fits], freedom: int) -> _Mixture:
        log_likelihood = np.concatenate([fit.log_likelihood for fit in fits])
        weights = np.exp(log_likelihood - log_likelihood.max())
        kept = weights > NEGLIGIBLE
        return cls(
            weights[kept] / weights[kept].sum(),
            np.concatenate([fit.location for fit in fits])[kept],
            np.concatenate([fit.scale for fit in fits])[kept],
            freedom,
        )

    def mean(self) -> Floats:
        """[m] expected gains."""
        return np.asarray(self.weights @ self.location)

    def quantile(self, probability: float) -> Floats:
        """[m] quantiles of the mixture, by bisection."""
        from scipy import special

        reach = abs(float(special.stdtrit(self.freedom, probability)))
        low = (self.location - reach * self.scale).min(axis=0)
        high = (self.location + reach * self.scale).max(axis=0)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            below = special.stdtr(self.freedom, (middle - self.location) / self.scale)
            above = self.weights @ below > probability
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.asarray((low + high) / 2)
