"""Curves that saturate: what does the next doubling bring, and does one curve cross another?

score(x) = asymptote − drop · x^(−rate), with rate > 0: a power law with an asymptote. For a given
rate it is a straight line in x^(−rate), so the rate is searched on a grid and the rest is linear
least squares: no starting values, and no local optimum to be caught in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.bootstrap import percentiles
from xstilts.statistics.estimate import NAN, Estimate, Floats, columns, joined, nothing, too_few

RATES = np.geomspace(0.02, 4.0, 160)
SIZES = 4
POINTS = 6
DRAWS = 1_000
GRID = 400


@dataclass(frozen=True)
class Curve:
    """A fitted curve and the draws of its bootstrap.

    Args:
        asymptote, drop, rate: best fit; NaN where there are too few points.
        smallest, largest: the range of sizes that it was fitted on.
        drawn: [draws, 3] asymptote, drop and rate of each draw.
        note: in words, why there is no curve, or what must be known about it.
    """

    asymptote: float = NAN
    drop: float = NAN
    rate: float = NAN
    smallest: float = NAN
    largest: float = NAN
    n: int = 0
    note: str = ""
    drawn: Floats = field(default_factory=lambda: np.empty((0, 3)), repr=False, compare=False)

    def at(self, size: float) -> Estimate:
        """The expected score at a size."""
        return self._estimate(_values(self._best(), size), _values(self.drawn, size), size)

    def per_doubling(self, size: float) -> Estimate:
        """What going from a size to twice as much brings."""
        best, drawn = (
            _values(found, 2 * size) - _values(found, size) for found in (self._best(), self.drawn)
        )
        return self._estimate(best, drawn, 2 * size)

    def limit(self) -> Estimate:
        """The asymptote: far from the data, so its interval is wide, and often too optimistic."""
        return self._estimate(self._best()[..., :1], self.drawn[:, :1], np.inf)

    def _best(self) -> Floats:
        return np.array([[self.asymptote, self.drop, self.rate]])

    def _estimate(self, best: Floats, drawn: Floats, size: float) -> Estimate:
        far = f"beyond the largest size that was tried, {self.largest:g}"
        note = joined([self.note, far if size > self.largest * (1 + 1e-9) else ""])
        return Estimate(float(best[0, 0]), *percentiles(drawn), n=self.n, note=note)


def fit(sizes: ArrayLike, scores: ArrayLike, draws: int = DRAWS, seed: int = 0) -> Curve:
    """Fit a curve to scores at sizes, each size as often as it was tried.

    Args:
        sizes: [n] examples or tasks, above 0.
        scores: [n]; a point with a NaN is left out.

    Needs four sizes and six points. Intervals by the residual bootstrap, the residuals widened
    for the three parameters; noise is taken to be alike at all sizes.
    """
    x, y = columns(sizes=sizes, scores=scores)
    if (x <= 0).any():
        raise ValueError("sizes must be above 0")
    tried = len(np.unique(x))
    if tried < SIZES or len(x) < POINTS:
        few = (tried, SIZES, "sizes") if tried < SIZES else (len(x), POINTS, "points")
        return Curve(n=len(x), note=too_few(*few))
    best = _least_squares(x, y[None])
    fitted = _values(best, x)[0]
    residuals = (y - fitted - (y - fitted).mean()) * (len(x) / (len(x) - 3)) ** 0.5
    chosen = np.random.default_rng(seed).integers(len(x), size=(draws, len(x)))
    drawn = _least_squares(x, fitted + residuals[chosen])
    asymptote, drop, rate = map(float, best[0])
    edge = rate in (RATES[0], RATES[-1])
    note = "the curve does not bend as a power law does: read no limit off it" if edge else ""
    return Curve(
        asymptote, drop, rate, float(x.min()), float(x.max()), len(x), note, np.asarray(drawn)
    )


def crossing(one: Curve, other: Curve) -> Estimate:
    """The size at which the curve that was lower overtakes the other, within what both tried.

    The note says which way and in how many draws they cross. The interval is over the draws that
    do, and there is none where fewer than 95 % of them do.
    """
    low, high = max(one.smallest, other.smallest), min(one.largest, other.largest)
    if not (len(one.drawn) and len(other.drawn) and low < high):
        return nothing(min(one.n, other.n), one.note or other.note or "no sizes in common")
    grid = np.geomspace(low, high, GRID)
    draws = min(len(one.drawn), len(other.drawn))
    shifted = np.roll(other.drawn, 1, axis=0)  # with one seed both drew the same residuals
    drawn = _first_change(_values(one.drawn[:draws], grid) - _values(shifted[:draws], grid), grid)
    crossed = float((~np.isnan(drawn)).mean())
    best = _first_change(_values(one._best(), grid) - _values(other._best(), grid), grid)[0]
    bounds = percentiles(drawn) if crossed >= 0.95 else (NAN, NAN)
    words = "they cross" if not np.isnan(best) else "no crossing"
    note = f"{words} between {low:g} and {high:g}; {crossed:.0%} of the draws cross there"
    return Estimate(float(best), *bounds, n=min(one.n, other.n), note=note)


def _values(found: Floats, sizes: ArrayLike) -> Floats:
    """[draws, 3] → [draws, sizes] the curves' values."""
    asymptote, drop, rate = found[:, :1], found[:, 1:2], found[:, 2:]
    return np.asarray(asymptote - drop * np.atleast_1d(sizes) ** -rate)


def _least_squares(x: Floats, y: Floats) -> Floats:
    """[draws, n] scores at n sizes → [draws, 3] the curve of least squares for each draw."""
    best, least = np.full((len(y), 3), np.nan), np.full(len(y), np.inf)
    centred = y - y.mean(axis=1, keepdims=True)
    for rate in RATES:
        power = x**-rate
        away = power - power.mean()
        slope = centred @ away / (away @ away)
        left = ((centred - slope[:, None] * away) ** 2).sum(axis=1)
        better = left < least
        found = np.stack([y.mean(1) - slope * power.mean(), -slope, np.full(len(y), rate)], axis=1)
        best[better], least[better] = found[better], left[better]
    return best


def _first_change(difference: Floats, grid: Floats) -> Floats:
    """[draws, sizes] → [draws] where the sign first changes; NaN where it does not."""
    changes = np.sign(difference[:, 1:]) * np.sign(difference[:, :-1]) < 0
    first = changes.argmax(axis=1)
    rows = np.arange(len(difference))
    before, after = difference[rows, first], difference[rows, first + 1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = before / (before - after)
        found = grid[first] * (grid[first + 1] / grid[first]) ** share
    return np.where(changes.any(axis=1), found, np.nan)
