"""Saturating power-law curves: gain per doubling, limit, and crossing of two curves.

score(x) = asymptote − drop · x^(−rate), with rate > 0. For a given rate the model is linear in
x^(−rate), so the rate is searched on a grid and the rest is linear least squares: there are no
starting values and no local optima.

Intervals are profile-likelihood intervals (Bates & Watts 1988, Nonlinear Regression Analysis and
Its Applications, chapter 6): all values of a score, a doubling or the limit for which a curve
exists with a residual sum of squares within the F(1, n − 3) bound. For one rate these are the two
roots of a quadratic, and the interval is the union over all rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isnan

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import (
    LEVEL,
    NAN,
    NO_VARIATION,
    Estimate,
    Floats,
    complete_cases,
    join_notes,
    missing_estimate,
    too_few,
)

RATES = np.geomspace(0.02, 4.0, 160)
FINE_RATES = 400
"""Number of rates in the second, finer grid."""
MIN_SIZES = 4
MIN_POINTS = 6
PARAMETERS = 3
NO_BEND = "the curve does not bend like a power law: the limit is not identified"
UNBOUNDED = "a curve that hardly levels off fits as well: the limit is not identified"
CROSSING_GRID = 400


@dataclass(frozen=True)
class ProfileGrid:
    """Least-squares line in x^(−rate) for each rate of a grid.

    Args:
        rates: [rates] all rates compatible with the scores, and one more at each end.
        centre: [rates] mean of x^(−rate) over the points.
        level: mean of the scores.
        slope: [rates] of the scores on x^(−rate).
        squares: [rates] sum of squares of x^(−rate) − centre.
        slack: [rates] bound on the residual sum of squares minus that of the rate; negative for
            incompatible rates.
    """

    rates: Floats
    centre: Floats
    level: float
    slope: Floats
    squares: Floats
    slack: Floats
    n: int

    @property
    def perfect(self) -> bool:
        """Whether a curve fits all points exactly, so that the noise of scores is unknown."""
        return bool(self.slack.max() <= 1e-18 * max(1.0, self.level**2))

    @property
    def unbounded(self) -> bool:
        """Whether the smallest rate, whose curve hardly levels off, is compatible."""
        return bool(self.rates[0] == RATES[0] and self.slack[0] >= 0)

    def powers(self, sizes: ArrayLike) -> Floats:
        """[rates, sizes] size^(−rate)."""
        return np.asarray(np.atleast_1d(np.asarray(sizes, float)) ** -self.rates[:, None])

    def extremes(self, intercept: float, power: Floats) -> tuple[Floats, Floats]:
        """Lowest and highest compatible value of `intercept · asymptote − drop · power`, [sizes].

        Args:
            intercept: 1 for a score, 0 for a difference of two scores.
            power: [rates, sizes].
        """
        offset = power - intercept * self.centre[:, None]
        value = intercept * self.level + self.slope[:, None] * offset
        variance = intercept / self.n + offset**2 / self.squares[:, None]
        half_width = np.sqrt(self.slack.clip(min=0)[:, None] * variance)
        compatible = self.slack >= 0
        low, high = (value - half_width)[compatible], (value + half_width)[compatible]
        return low.min(axis=0), high.max(axis=0)


@dataclass(frozen=True)
class Curve:
    """A fitted curve with its profile likelihood.

    Args:
        asymptote, drop, rate: best fit; NaN if there are too few points.
        smallest, largest: range of fitted sizes.
        n: number of points.
        note: why there is no curve, or what limits its interpretation.
        profile: None if there are too few points.
    """

    asymptote: float = NAN
    drop: float = NAN
    rate: float = NAN
    smallest: float = NAN
    largest: float = NAN
    n: int = 0
    note: str = ""
    profile: ProfileGrid | None = field(default=None, repr=False, compare=False)

    @property
    def fitted(self) -> bool:
        """Whether there were enough points."""
        return self.profile is not None

    def values(self, sizes: ArrayLike) -> Floats:
        """[sizes] → [sizes] scores of the best fit."""
        return np.asarray(self.asymptote - self.drop * np.asarray(sizes, float) ** -self.rate)

    def interval(self, sizes: ArrayLike) -> tuple[Floats, Floats]:
        """[sizes] → lower and upper ends [sizes] of expected scores; the curve must be fitted."""
        assert self.profile is not None
        return self.profile.extremes(1, self.profile.powers(sizes))

    def at(self, size: float) -> Estimate:
        """Expected score at a size."""
        return self._estimate(float(self.values(size)), 1, {size: 1.0}, size)

    def per_doubling(self, size: float) -> Estimate:
        """Difference in score between a size and twice the size."""
        value = float(self.values(2 * size) - self.values(size))
        return self._estimate(value, 0, {2 * size: 1.0, size: -1.0}, 2 * size)

    def limit(self) -> Estimate:
        """The asymptote; its interval is wide, because it is far from the data."""
        estimate = self._estimate(self.asymptote, 1, {}, np.inf)
        return replace(estimate, low=NAN, high=NAN) if self.note else estimate

    def _estimate(
        self, value: float, intercept: float, weights: Mapping[float, float], largest: float
    ) -> Estimate:
        """`intercept · asymptote − drop · Σ weight · size^(−rate)` with its interval."""
        if self.profile is None:
            return missing_estimate(self.n, self.note)
        extrapolated = largest > self.largest * (1 + 1e-9)
        beyond = f"extrapolated beyond the largest size, {self.largest:g}"
        note = join_notes([self.note, beyond if extrapolated else ""])
        if self.profile.perfect:
            return Estimate(value, n=self.n, note=join_notes([note, NO_VARIATION]))
        power = self.profile.powers(list(weights)) @ np.array(list(weights.values()))
        low, high = (float(end[0]) for end in self.profile.extremes(intercept, power[:, None]))
        return Estimate(value, low, high, n=self.n, note=note)


def fit(sizes: ArrayLike, scores: ArrayLike) -> Curve:
    """Fit a curve to scores at sizes; a size can occur several times.

    Args:
        sizes: [n] number of examples or tasks, positive.
        scores: [n]; points with a NaN are dropped.

    Raises:
        ValueError: a size is not positive.

    Needs four distinct sizes and six points. Assumes normal noise with equal variance.
    """
    x, y = complete_cases(sizes=sizes, scores=scores)
    if (x <= 0).any():
        raise ValueError("sizes must be positive")
    distinct = len(np.unique(x))
    if distinct < MIN_SIZES:
        return Curve(n=len(x), note=too_few(distinct, MIN_SIZES, "sizes"))
    if len(x) < MIN_POINTS:
        return Curve(n=len(x), note=too_few(len(x), MIN_POINTS, "points"))
    profile, best = _least_squares(x, y)
    slope, rate = float(profile.slope[best]), float(profile.rates[best])
    asymptote = profile.level - slope * float(profile.centre[best])
    unbounded = UNBOUNDED if profile.unbounded else ""
    note = NO_BEND if rate in (RATES[0], RATES[-1]) else unbounded
    return Curve(asymptote, -slope, rate, float(x.min()), float(x.max()), len(x), note, profile)


def _least_squares(x: Floats, y: Floats) -> tuple[ProfileGrid, int]:
    """[n] sizes and scores → profile over rates, and the index of the best rate.

    The second grid covers only the compatible rates: with little noise, the first grid contains
    few of them.
    """
    coarse, _ = _profile(x, y, RATES)
    compatible = np.flatnonzero(coarse.slack >= 0)
    first, last = max(compatible[0] - 1, 0), min(compatible[-1] + 1, len(RATES) - 1)
    return _profile(x, y, np.geomspace(RATES[first], RATES[last], FINE_RATES))


def _profile(x: Floats, y: Floats, rates: Floats) -> tuple[ProfileGrid, int]:
    from scipy import stats

    power = x ** -rates[:, None]
    centre = power.mean(axis=1)
    offset = power - centre[:, None]
    squares = (offset**2).sum(axis=1)
    slope = offset @ (y - y.mean()) / squares
    residual = ((y - y.mean() - slope[:, None] * offset) ** 2).sum(axis=1)
    best = int(residual.argmin())
    freedom = len(x) - PARAMETERS
    bound = residual[best] * (1 + stats.f.ppf(1 - LEVEL, 1, freedom) / freedom)
    slack = bound - residual
    return ProfileGrid(rates, centre, float(y.mean()), slope, squares, slack, len(x)), best


def crossing(first: Curve, second: Curve) -> Estimate:
    """Size at which the lower curve overtakes the other, within the range of both.

    The interval is between the last size at which one curve is significantly higher and the
    first at which the other is; without both there is no interval. The interval of the difference
    follows Zou & Donner (2008, Statistics in Medicine 27:1693), for curves with independent noise.
    """
    low, high = max(first.smallest, second.smallest), min(first.largest, second.largest)
    n = min(first.n, second.n)
    if first.profile is None or second.profile is None or low >= high:
        problem = next((curve.note for curve in (first, second) if not curve.fitted), "")
        return missing_estimate(n, problem or "no sizes in common")
    if first.profile.perfect or second.profile.perfect:
        return missing_estimate(n, NO_VARIATION)
    grid = np.geomspace(low, high, CROSSING_GRID)
    difference = first.values(grid) - second.values(grid)
    sides = _sign_change(_significant_sign(first, second, grid))
    between = f"between {low:g} and {high:g}"
    if sides is None:
        value = _first_root(difference, grid)
        unsure = "but do not differ significantly on both sides"
        note = f"no crossing {between}" if isnan(value) else f"they cross {between}, {unsure}"
        return Estimate(value, n=n, note=note)
    before, after = sides
    inner = slice(before, after + 1)
    value = _first_root(difference[inner], grid[inner])
    return Estimate(
        value, float(grid[before]), float(grid[after]), n=n, note=f"they cross {between}"
    )


def _significant_sign(first: Curve, second: Curve, sizes: Floats) -> Floats:
    """[sizes] sign of first − second where it is significant, else 0."""
    x, y = first.values(sizes), second.values(sizes)
    (x_low, x_high), (y_low, y_high) = first.interval(sizes), second.interval(sizes)
    low = x - y - np.hypot(x - x_low, y_high - y)
    high = x - y + np.hypot(x_high - x, y - y_low)
    return (low > 0).astype(float) - (high < 0)


def _sign_change(signs: Floats) -> tuple[int, int] | None:
    """Indices of the first two opposite signs with only zeros between them."""
    nonzero = np.flatnonzero(signs)
    changes = np.flatnonzero(signs[nonzero[1:]] != signs[nonzero[:-1]])
    return (int(nonzero[changes[0]]), int(nonzero[changes[0] + 1])) if len(changes) else None


def _first_root(difference: Floats, grid: Floats) -> float:
    """Size at which the difference first changes its sign; NaN if it never does."""
    nonzero = np.flatnonzero(difference)
    changes = np.flatnonzero(np.diff(np.sign(difference[nonzero])))
    if not len(changes):
        return NAN
    first, last = nonzero[changes[0]], nonzero[changes[0] + 1]
    before, after = difference[first], difference[last]
    return float(grid[first] * (grid[last] / grid[first]) ** (before / (before - after)))
