"""Curves that saturate: what does the next doubling bring, and does one curve cross another?

score(x) = asymptote − drop · x^(−rate), with rate > 0: a power law with an asymptote. For a given
rate it is a straight line in x^(−rate), so the rate is searched on a grid and the rest is linear
least squares: no starting values, and no local optimum to be caught in.

Intervals are those of the profile likelihood (Bates & Watts 1988, Nonlinear Regression Analysis and
Its Applications, chapter 6): all values of a point, a doubling or the limit with which a curve
leaves no more of the scores unexplained than F of (1, n − 3) allows. At one rate that is a
quadratic's two ends, and the interval is what all rates have together.
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
    columns,
    join_notes,
    missing_estimate,
    too_few,
)

RATES = np.geomspace(0.02, 4.0, 160)
FINE = 400
"""Rates between those that the scores allow."""
SIZES = 4
POINTS = 6
PARAMETERS = 3
STRAIGHT = "the curve does not bend as a power law does: read no limit off it"
ENDLESS = "a curve that hardly levels off fits as well: read no limit off it"
GRID = 400


@dataclass(frozen=True)
class ProfileGrid:
    """For each rate the straight line of least squares in x^(−rate), about its centre.

    Args:
        rates: [rates] all that the scores allow, and one less and one more.
        centre: mean of x^(−rate) over the points.
        level: mean of the scores.
        slope: of the scores in x^(−rate).
        squares: sum of squares of x^(−rate) about its centre.
        room: how much more a curve of this rate may leave unexplained, in squares of scores; below
            0 where the rate itself fits too badly.
    """

    rates: Floats
    centre: Floats
    level: float
    slope: Floats
    squares: Floats
    room: Floats
    n: int

    @property
    def perfect(self) -> bool:
        """Whether a curve goes through all points, so that nothing shows how scores vary."""
        return bool(self.room.max() <= 1e-18 * max(1.0, self.level**2))

    @property
    def endless(self) -> bool:
        """Whether a curve of the smallest rate fits well enough, which hardly levels off."""
        return bool(self.rates[0] == RATES[0] and self.room[0] >= 0)

    def powers(self, sizes: ArrayLike) -> Floats:
        """[rates, sizes]"""
        return np.asarray(np.atleast_1d(np.asarray(sizes, float)) ** -self.rates[:, None])

    def ends(self, whole: float, power: Floats) -> tuple[Floats, Floats]:
        """Lowest and highest value of `whole · asymptote − drop · power` that the scores allow.

        Args:
            whole: 1 for a score, 0 for a difference of two.
            power: [rates, sizes]
        """
        away = power - whole * self.centre[:, None]
        value = whole * self.level + self.slope[:, None] * away
        spread = whole / self.n + away**2 / self.squares[:, None]
        half = np.sqrt(self.room.clip(min=0)[:, None] * spread)
        allowed = self.room >= 0
        return (value - half)[allowed].min(axis=0), (value + half)[allowed].max(axis=0)


@dataclass(frozen=True)
class Curve:
    """A fitted curve and what else the scores allow.

    Args:
        asymptote, drop, rate: best fit; NaN where there are too few points.
        smallest, largest: the range of sizes that it was fitted on.
        note: in words, why there is no curve, or what must be known about it.
    """

    asymptote: float = NAN
    drop: float = NAN
    rate: float = NAN
    smallest: float = NAN
    largest: float = NAN
    n: int = 0
    note: str = ""
    lines: ProfileGrid | None = field(default=None, repr=False, compare=False)

    @property
    def fitted(self) -> bool:
        """Whether there were points enough."""
        return self.lines is not None

    def values(self, sizes: ArrayLike) -> Floats:
        """[sizes] the best fit."""
        return np.asarray(self.asymptote - self.drop * np.asarray(sizes, float) ** -self.rate)

    def interval(self, sizes: ArrayLike) -> tuple[Floats, Floats]:
        """[sizes] the lowest and the highest expected score, of a curve that was fitted."""
        assert self.lines is not None
        return self.lines.ends(1, self.lines.powers(sizes))

    def at(self, size: float) -> Estimate:
        """The expected score at a size."""
        return self._estimate(float(self.values(size)), 1, {size: 1.0}, size)

    def per_doubling(self, size: float) -> Estimate:
        """What going from a size to twice as much brings."""
        value = float(self.values(2 * size) - self.values(size))
        return self._estimate(value, 0, {2 * size: 1.0, size: -1.0}, 2 * size)

    def limit(self) -> Estimate:
        """The asymptote: far from the data, so its interval is wide."""
        found = self._estimate(self.asymptote, 1, {}, np.inf)
        return replace(found, low=NAN, high=NAN) if self.note else found

    def _estimate(
        self, value: float, whole: float, weights: Mapping[float, float], size: float
    ) -> Estimate:
        """`whole · asymptote − drop · Σ weight · size^(−rate)` with what the scores allow."""
        if self.lines is None:
            return missing_estimate(self.n, self.note)
        far = f"beyond the largest size that was tried, {self.largest:g}"
        note = join_notes([self.note, far if size > self.largest * (1 + 1e-9) else ""])
        if self.lines.perfect:
            return Estimate(value, n=self.n, note=join_notes([note, NO_VARIATION]))
        power = self.lines.powers(list(weights)) @ np.array(list(weights.values()))
        low, high = (float(end[0]) for end in self.lines.ends(whole, power[:, None]))
        return Estimate(value, low, high, n=self.n, note=note)


def fit(sizes: ArrayLike, scores: ArrayLike) -> Curve:
    """Fit a curve to scores at sizes, each size as often as it was tried.

    Args:
        sizes: [n] examples or tasks, above 0.
        scores: [n]; a point with a NaN is left out.

    Needs four sizes and six points. Noise is taken to be normal and alike at all sizes.
    """
    x, y = columns(sizes=sizes, scores=scores)
    if (x <= 0).any():
        raise ValueError("sizes must be above 0")
    tried = len(np.unique(x))
    if tried < SIZES or len(x) < POINTS:
        few = (tried, SIZES, "sizes") if tried < SIZES else (len(x), POINTS, "points")
        return Curve(n=len(x), note=too_few(*few))
    lines, best = _least_squares(x, y)
    slope, rate = float(lines.slope[best]), float(lines.rates[best])
    asymptote = lines.level - slope * float(lines.centre[best])
    endless = ENDLESS if lines.endless else ""
    note = STRAIGHT if rate in (RATES[0], RATES[-1]) else endless
    return Curve(asymptote, -slope, rate, float(x.min()), float(x.max()), len(x), note, lines)


def _least_squares(x: Floats, y: Floats) -> tuple[ProfileGrid, int]:
    """[n] sizes and scores → the line of each rate, and which rate fits best.

    A second, finer grid is between the rates that the scores allow: where there is little noise
    they are few of the first.
    """
    rough, _ = _lines(x, y, RATES)
    allowed = np.flatnonzero(rough.room >= 0)
    first, last = max(allowed[0] - 1, 0), min(allowed[-1] + 1, len(RATES) - 1)
    return _lines(x, y, np.geomspace(RATES[first], RATES[last], FINE))


def _lines(x: Floats, y: Floats, rates: Floats) -> tuple[ProfileGrid, int]:
    from scipy import stats

    power = x ** -rates[:, None]
    centre = power.mean(axis=1)
    away = power - centre[:, None]
    squares = (away**2).sum(axis=1)
    slope = away @ (y - y.mean()) / squares
    left = ((y - y.mean() - slope[:, None] * away) ** 2).sum(axis=1)
    best = int(left.argmin())
    free = len(x) - PARAMETERS
    allowed = left[best] * (1 + stats.f.ppf(1 - LEVEL, 1, free) / free)
    return ProfileGrid(rates, centre, float(y.mean()), slope, squares, allowed - left, len(x)), best


def crossing(one: Curve, other: Curve) -> Estimate:
    """The size at which the curve that was lower overtakes the other, within what both tried.

    The interval lies between the last size at which one curve is shown to be ahead and the first
    at which the other is; there is none without the two. Of two intervals, that of the difference
    is made as Zou & Donner do (2008, Statistics in Medicine 27:1693) for curves whose noise is
    independent of each other's.
    """
    low, high = max(one.smallest, other.smallest), min(one.largest, other.largest)
    n = min(one.n, other.n)
    if one.lines is None or other.lines is None or low >= high:
        lacking = next((curve.note for curve in (one, other) if not curve.fitted), "")
        return missing_estimate(n, lacking or "no sizes in common")
    if one.lines.perfect or other.lines.perfect:
        return missing_estimate(n, NO_VARIATION)
    grid = np.geomspace(low, high, GRID)
    between = one.values(grid) - other.values(grid)
    ahead = _shown_ahead(one, other, grid)
    sides = _both_sides(ahead)
    within = f"between {low:g} and {high:g}"
    if sides is None:
        value = _first_change(between, grid)
        unsure = "but are not told apart on both sides"
        words = f"no crossing {within}" if isnan(value) else f"they cross {within}, {unsure}"
        return Estimate(value, n=n, note=words)
    before, after = sides
    inner = slice(before, after + 1)
    value = _first_change(between[inner], grid[inner])
    return Estimate(
        value, float(grid[before]), float(grid[after]), n=n, note=f"they cross {within}"
    )


def _shown_ahead(one: Curve, other: Curve, sizes: Floats) -> Floats:
    """[sizes] 1 or -1 where one or the other curve is shown to be ahead, and 0 elsewhere."""
    mine, its = one.values(sizes), other.values(sizes)
    (low, high), (its_low, its_high) = one.interval(sizes), other.interval(sizes)
    lowest = mine - its - np.hypot(mine - low, its_high - its)
    highest = mine - its + np.hypot(high - mine, its - its_low)
    return (lowest > 0).astype(float) - (highest < 0)


def _both_sides(ahead: Floats) -> tuple[int, int] | None:
    """The first neighbours, but for zeros, of opposite signs."""
    shown = np.flatnonzero(ahead)
    changes = np.flatnonzero(ahead[shown[1:]] != ahead[shown[:-1]])
    return (int(shown[changes[0]]), int(shown[changes[0] + 1])) if len(changes) else None


def _first_change(difference: Floats, grid: Floats) -> float:
    """[sizes] where the sign first changes; NaN where it does not."""
    away = np.flatnonzero(difference)
    changes = np.flatnonzero(np.diff(np.sign(difference[away])))
    if not len(changes):
        return NAN
    first, last = away[changes[0]], away[changes[0] + 1]
    before, after = difference[first], difference[last]
    return float(grid[first] * (grid[last] / grid[first]) ** (before / (before - after)))
