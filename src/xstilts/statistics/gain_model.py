"""Gains as a sum: what a task brings, what a target takes, what measures say, and a rest.

gain = mean + task + target + measures + rest, all but the mean drawn from normal distributions
around zero (crossed random effects; Henderson's best linear unbiased prediction). A task or a
target that was never seen has the effect that such ones have on average, and its interval is so
much wider.

How large the four variances are is not guessed and not chosen by hand: their ratios to that of the
rest are averaged over a grid, each by its restricted likelihood, so that not knowing them is in
the interval too. Given the ratios a new gain has Student's t distribution with n - 1 degrees of
freedom (flat prior on the mean, Jeffreys' on the variance: Gelman et al. 2013, chapter 14); the
interval lies between the quantiles of the mixture of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from xstilts.statistics.estimate import LEVEL, Estimate, Floats, missing_estimate, too_few

NEEDED = 3
"""Targets, and for a task never seen tasks too, below which nothing is predicted."""
RATIOS = (0.0, 0.25, 1.0, 4.0, 16.0, 64.0, 256.0)
"""Variance of an effect over that of the rest; each as likely as the others before any gain."""
HALVINGS = 40
NEGLIGIBLE = 1e-6
"""Ratios that are so much less likely than the likeliest do not count."""


@dataclass(frozen=True)
class Design:
    """Where gains were measured, or are wanted.

    Args:
        tasks, targets: [n] names.
        features: [n, k] measures, centred and of about unit size; k may be 0.
    """

    tasks: Sequence[str]
    targets: Sequence[str]
    features: Floats

    def __post_init__(self) -> None:
        if not len(self.tasks) == len(self.targets) == len(self.features):
            raise ValueError("a task, a target and a row of features for each place")


def predict(known: Design, gains: Floats, wanted: Design) -> list[Estimate]:
    """The expected gain at each wanted place, and the interval for the gain measured there.

    Args:
        known, gains: [n] what was measured; none is NaN.

    Returns:
        `n` is how many targets the gains are of; NaN and words where there are too few.

    Raises:
        ValueError: different lengths, or a gain that is not a number.
    """
    if len(gains) != len(known.tasks) or np.isnan(gains).any():
        raise ValueError("one gain, and a number, for each place that is known")
    count = len(set(known.targets))
    words = [_lacking(known, task) for task in wanted.tasks]
    if all(words):
        return [missing_estimate(count, one) for one in words]
    mixture = _Mixture.of(list(_fits(known, gains, wanted)), len(gains) - 1)
    value, low, high = mixture.mean(), mixture.quantile(LEVEL / 2), mixture.quantile(1 - LEVEL / 2)
    return [
        missing_estimate(count, one) if one else Estimate(float(v), float(lo), float(hi), n=count)
        for one, v, lo, hi in zip(words, value, low, high, strict=True)
    ]


def _lacking(known: Design, task: str) -> str:
    """Why nothing can be predicted for a task; else empty."""
    tasks, targets = set(known.tasks), set(known.targets)
    if len(targets) < NEEDED:
        return too_few(len(targets), NEEDED, "targets")
    if task not in tasks and len(tasks) < NEEDED:
        return too_few(len(tasks), NEEDED, "tasks")
    return ""


@dataclass(frozen=True)
class _Fits:
    """The wanted gains given g sets of ratios.

    Args:
        likelihood: [g] logarithm of the restricted likelihood.
        location, scale: [g, m] of Student's t.
    """

    likelihood: Floats
    location: Floats
    scale: Floats


def _fits(known: Design, gains: Floats, wanted: Design) -> Iterator[_Fits]:
    """Fits for all combinations of ratios, those of one task ratio at a time."""
    within, across, own = (
        np.stack(_shared(*pair)) for pair in ((known, known), (known, wanted), (wanted, wanted))
    )
    of_measures = RATIOS if known.features.shape[1] else RATIOS[:1]
    for of_tasks in RATIOS:
        ratios = np.array(list(product([of_tasks], RATIOS, of_measures)))
        yield _fitted(
            np.eye(len(gains)) + np.tensordot(ratios, within, 1),
            gains,
            np.tensordot(ratios, across, 1),
            1 + ratios @ np.diagonal(own, axis1=1, axis2=2),
        )


def _shared(one: Design, other: Design) -> list[Floats]:
    """[n, m] for task, target and measures: how much of the effect two places have in common."""
    return [
        _equal(one.tasks, other.tasks),
        _equal(one.targets, other.targets),
        one.features @ other.features.T / max(1, one.features.shape[1]),
    ]


def _equal(one: Sequence[str], other: Sequence[str]) -> Floats:
    same = np.equal.outer(np.array(one, dtype=str), np.array(other, dtype=str))
    return np.asarray(same, dtype=np.float64)


def _fitted(within: Floats, gains: Floats, across: Floats, own: Floats) -> _Fits:
    """Generalised least squares with an unknown mean (universal kriging).

    Args:
        within: [g, n, n] covariance of the gains; across: [g, n, m] with the wanted ones; own:
            [g, m] the wanted ones' variance; all over the variance of the rest.
    """
    sets, n, _ = across.shape
    lower = np.linalg.cholesky(within)
    both = np.broadcast_to(np.stack([np.ones(n), gains], axis=1), (sets, n, 2))
    solved = np.linalg.solve(lower, np.concatenate([both, across], axis=2))
    ones, whitened, crossed = solved[..., 0], solved[..., 1], solved[..., 2:]
    weight = (ones**2).sum(axis=1)
    mean = (ones * whitened).sum(axis=1) / weight
    rest = whitened - mean[:, None] * ones
    squares = np.maximum((rest**2).sum(axis=1), np.finfo(float).tiny)
    unexplained = 1 - (ones[..., None] * crossed).sum(axis=1)
    variance = own - (crossed**2).sum(axis=1) + unexplained**2 / weight[:, None]
    determinant = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1) + np.log(weight)
    return _Fits(
        -(determinant + (n - 1) * np.log(squares)) / 2,
        mean[:, None] + (rest[..., None] * crossed).sum(axis=1),
        np.sqrt(squares[:, None] / (n - 1) * variance),
    )


@dataclass(frozen=True)
class _Mixture:
    """Student's distributions of m wanted gains, weighted.

    Args:
        weights: [g]; location, scale: [g, m].
    """

    weights: Floats
    location: Floats
    scale: Floats
    freedom: int

    @classmethod
    def of(cls, fits: Sequence[_Fits], freedom: int) -> _Mixture:
        likelihood = np.concatenate([one.likelihood for one in fits])
        weights = np.exp(likelihood - likelihood.max())
        counts = weights > NEGLIGIBLE
        return cls(
            weights[counts] / weights[counts].sum(),
            np.concatenate([one.location for one in fits])[counts],
            np.concatenate([one.scale for one in fits])[counts],
            freedom,
        )

    def mean(self) -> Floats:
        """[m] the expected gains."""
        return np.asarray(self.weights @ self.location)

    def quantile(self, share: float) -> Floats:
        """[m] below which so much of the mixture lies, by halving."""
        from scipy import special

        reach = abs(float(special.stdtrit(self.freedom, share)))
        low = (self.location - reach * self.scale).min(axis=0)
        high = (self.location + reach * self.scale).max(axis=0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = special.stdtr(self.freedom, (middle - self.location) / self.scale)
            above = self.weights @ below > share
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.asarray((low + high) / 2)
