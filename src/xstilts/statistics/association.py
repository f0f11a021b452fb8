"""Does one measure of intermediate tasks go along with another, such as difficulty with gain?

The points are tasks, and there are few of them. So p values are by permutation. Intervals are by
the bootstrap over tasks, bias-corrected and accelerated: with a dozen points these hold about as
often as they say, and percentile intervals of a high correlation too often. Those of Kendall's tau
would hold too often as well; tau is a mean over pairs, and the jackknife suits it. Points in
perfect order are so in every draw, and there is no interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xstilts.statistics.bootstrap import bca_interval
from xstilts.statistics.correlation import CORRELATIONS, Kind, kendall, pearson, ranks, spearman
from xstilts.statistics.estimate import (
    LEVEL,
    NAN,
    Estimate,
    Floats,
    columns,
    join_notes,
    missing_estimate,
    nearly_equal,
    too_few,
)
from xstilts.statistics.permutation import DRAWS, of_orders
from xstilts.statistics.power import POWER

NEEDED = 5
RESAMPLED = 2_000
NEGLIGIBLE = 1e-9
"""Smaller differences between ranks, and parts of their variance, are those of rounding."""
PERFECT = "every draw has the same correlation: no interval"

Statistic = Callable[[Floats], Floats]
"""Rows of a table [..., n, columns] → [...] a correlation."""


def associate(
    x: ArrayLike, y: ArrayLike, kind: Kind = "spearman", draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """The rank correlation of n points, its interval, and its permutation p value.

    Args:
        x, y: [n]; a point with a NaN is left out.
        draws: permutations, where not all can be listed.
    """
    one, other = columns(x=x, y=y)
    if words := _problem(one, other, needed=NEEDED):
        return missing_estimate(len(one), words)
    correlation = CORRELATIONS[kind]
    value = float(correlation(one, other))
    if kind == "kendall":
        low, high, note = _jackknife(value, one, other)
    else:
        low, high, note = _interval(
            lambda rows: correlation(*np.moveaxis(rows, -1, 0)), [one, other], seed
        )
    p = of_orders(lambda values: correlation(one, values), other, draws, seed)
    return Estimate(value, low, high, p, len(one), note)


def partial(
    x: ArrayLike,
    y: ArrayLike,
    covariates: Mapping[str, ArrayLike],
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """Spearman's correlation of x and y given covariates: of what is left of their ranks.

    Args:
        covariates: name → [n], such as data size and length; their ranks are taken out linearly.
            One that does not vary, or that follows from those before it, says nothing: it is
            left out, and the note names it.

    A point more is needed for each covariate that is taken out. The p value permutes what is left
    of y (Freedman & Lane 1983).
    """
    one, other, *values = columns(x=x, y=y, **covariates)
    if words := _problem(one, other, needed=NEEDED):
        return missing_estimate(len(one), words)
    given, idle = _telling(dict(zip(covariates, values, strict=True)))
    if len(one) < NEEDED + len(given):
        return missing_estimate(
            len(one), join_notes([too_few(len(one), NEEDED + len(given), "points"), idle])
        )
    table = np.stack([one, other, *given], axis=-1)
    mine, yours = _residuals(table)
    if not (mine.any() and yours.any()):
        words = "the covariates say it all: nothing is left to correlate"
        return missing_estimate(len(one), join_notes([words, idle]))
    low, high, note = _interval(_partial_of, [one, other, *given], seed)
    taken = _centred(table[:, 2:])
    p = of_orders(lambda values: pearson(mine, _without(values, taken)), yours, draws, seed)
    return Estimate(float(pearson(mine, yours)), low, high, p, len(one), join_notes([note, idle]))


def associate_over_targets(
    x: ArrayLike, y: ArrayLike, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """The mean over targets of Spearman's correlation, the same n tasks being the points of each.

    Args:
        x, y: [n, targets]; a task with a NaN is left out as a whole. A target on which one side
            does not vary says nothing and is not in the mean.

    Tasks are permuted and drawn for all targets at once: targets that profit from the same tasks
    are not as many independent tests. The interval is about other tasks and these targets.
    """
    one, other = (np.asarray(side, dtype=np.float64) for side in (x, y))
    if one.shape != other.shape or one.ndim != 2:
        raise ValueError(f"two tables of one shape are needed, not {one.shape} and {other.shape}")
    known = ~np.isnan(one + other).any(axis=1)
    one, other = one[known], other[known]
    if len(one) < NEEDED or not one.shape[1]:
        return missing_estimate(len(one), too_few(len(one), NEEDED, "points"))
    varies = (np.ptp(one, axis=0) > 0) & (np.ptp(other, axis=0) > 0)
    if not varies.any():
        return missing_estimate(len(one), "all points are equal on one side: nothing to correlate")
    mine, yours = ranks(one[:, varies].T), ranks(other[:, varies].T)
    value = float(_mean_of_known(pearson(mine, yours)))
    sides = [*mine, *yours]
    low, high, note = _interval(lambda rows: _by_target(rows, len(mine)), sides, seed)
    p = of_orders(
        lambda rows: pearson(mine, np.swapaxes(rows, -1, -2)).mean(axis=-1), yours.T, draws, seed
    )
    return Estimate(value, low, high, p, len(one), note)


@dataclass(frozen=True)
class Influence:
    """What one point does to a correlation: its value without the point, and the change."""

    name: str
    without: float
    change: float


def leave_one_out(
    names: Sequence[str], x: ArrayLike, y: ArrayLike, kind: Kind = "spearman"
) -> list[Influence]:
    """Each point's influence, the largest first; points with a NaN are left out.

    Raises:
        ValueError: names, x and y differ in length.
    """
    places, one, other = columns(names=np.arange(len(names), dtype=np.float64), x=x, y=y)
    correlation = CORRELATIONS[kind]
    whole = float(correlation(one, other))
    found = []
    for place, number in enumerate(places):
        without = float(correlation(np.delete(one, place), np.delete(other, place)))
        found.append(Influence(names[int(number)], without, without - whole))
    return sorted(found, key=lambda point: -abs(np.nan_to_num(point.change, nan=np.inf)))


def points_needed(
    correlation: float, kind: Kind = "spearman", power: float = POWER, level: float = LEVEL
) -> int:
    """How many points a two-sided test needs to find this correlation with this power.

    Raises:
        ValueError: the correlation is 0 or not between -1 and 1.

    By Fisher's z, with the variances of Fieller, Hartley & Pearson (1957) for Kendall's tau and
    of Bonett & Wright (2000) for Spearman's rho.
    """
    from scipy import stats

    if not 0 < abs(correlation) < 1:
        raise ValueError(f"{correlation} is no correlation that could be looked for")
    spread, lost = _fisher(correlation, kind)
    quantiles = float(stats.norm.ppf(1 - level / 2) + stats.norm.ppf(power))
    return int(np.ceil(spread * (quantiles / np.arctanh(abs(correlation))) ** 2 + lost))


def detectable_correlation(
    n: int, kind: Kind = "spearman", power: float = POWER, level: float = LEVEL
) -> float:
    """The smallest correlation, to a hundredth, that n points show with this power; NaN if none."""
    for hundredths in range(1, 100):
        if points_needed(hundredths / 100, kind, power, level) <= n:
            return hundredths / 100
    return NAN


def _fisher(correlation: float, kind: Kind) -> tuple[float, int]:
    """(c, k) where c / (n - k) is the variance of the correlation on Fisher's scale."""
    return (0.437, 4) if kind == "kendall" else (1 + correlation**2 / 2, 3)


def _problem(*values: Floats, needed: int) -> str:
    n = len(values[0])
    if n < needed:
        return too_few(n, needed, "points")
    if any(np.ptp(one) == 0 for one in values):
        return "all points are equal on one side: nothing to correlate"
    return ""


def _telling(covariates: Mapping[str, Floats]) -> tuple[list[Floats], str]:
    """Those whose ranks do not follow from the others, and the words for those that do."""
    kept: list[Floats] = []
    idle = []
    for name, values in covariates.items():
        *before, own = _centred(np.stack([*kept, values], axis=-1))
        left = _without(own, np.reshape(before, (len(kept), len(own))))
        if np.abs(left).max() > NEGLIGIBLE * len(own):
            kept.append(values)
        else:
            idle.append(name)
    words = "left out of the covariates, not varying or following from the others"
    return kept, f"{words}: {', '.join(idle)}" if idle else ""


def _centred(rows: Floats) -> Floats:
    """[..., n, columns] → [..., columns, n] ranks less their mean."""
    ranked = ranks(np.swapaxes(rows, -1, -2))
    return np.asarray(ranked - ranked.mean(axis=-1, keepdims=True))


def _without(values: Floats, given: Floats) -> Floats:
    """[..., m, n] ranks, [..., k, n] covariates' → [..., m, n] what these leave, linearly.

    By the singular values of the k, so that one that does not vary takes nothing out.
    """
    turned = np.swapaxes(given, -1, -2)
    inverse = np.linalg.pinv(given @ turned, rcond=NEGLIGIBLE, hermitian=True)
    return np.asarray(values - values @ turned @ inverse @ given)


def _residuals(rows: Floats) -> tuple[Floats, Floats]:
    """[..., n, 2 + k] → twice [..., n]: what k covariates leave of the ranks of the first two."""
    ranked = _centred(rows)
    left = _without(ranked[..., :2, :], ranked[..., 2:, :])
    largest = np.abs(left).max(axis=-1, keepdims=True)
    left = np.where(largest > NEGLIGIBLE * rows.shape[-2], left, 0.0)
    return left[..., 0, :], left[..., 1, :]


def _partial_of(rows: Floats) -> Floats:
    """[draws, n, 2 + k] → [draws] correlations of what the covariates leave; NaN for nothing."""
    return pearson(*_residuals(rows))


def _by_target(rows: Floats, targets: int) -> Floats:
    """[..., n, 2 targets] → [...] mean Spearman's correlation of the first with the second half."""
    sides = np.swapaxes(rows, -1, -2)
    return _mean_of_known(spearman(sides[..., :targets, :], sides[..., targets:, :]))


def _mean_of_known(values: Floats) -> Floats:
    """The mean over the last axis without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1)
    return np.asarray(found)


def _interval(statistic: Statistic, given: Sequence[Floats], seed: int) -> tuple[float, float, str]:
    """By the bootstrap, bias-corrected and accelerated, and why there is none.

    There is none where half of the draws are NaN, or where all are alike.
    """
    table = np.stack(given, axis=-1)
    n = len(table)
    places = np.random.default_rng(seed).integers(n, size=(RESAMPLED, n))
    drawn = statistic(table[places])
    known = drawn[~np.isnan(drawn)]
    if len(known) < RESAMPLED / 2:
        return NAN, NAN, "most draws have no correlation: no interval"
    if nearly_equal(known):
        return NAN, NAN, PERFECT
    value, without = float(statistic(table)), statistic(table[_all_but_one(n)])
    return *bca_interval(known, value, without), ""


def _jackknife(value: float, x: Floats, y: Floats) -> tuple[float, float, str]:
    """Kendall's tau by the jackknife (Arvesen 1969) and Student's t with n - 2, within -1 to 1."""
    from scipy import stats

    n = len(x)
    left = _all_but_one(n)
    without = kendall(x[left], y[left])
    if nearly_equal(without):
        return NAN, NAN, PERFECT
    error = ((n - 1) / n * float(((without - without.mean()) ** 2).sum())) ** 0.5
    width = float(stats.t.ppf(1 - LEVEL / 2, n - 2)) * error
    return max(-1.0, value - width), min(1.0, value + width), ""


def _all_but_one(n: int) -> NDArray[np.intp]:
    """[n, n - 1] the places that are left without each of them."""
    return np.array([np.delete(np.arange(n), place) for place in range(n)], dtype=np.intp)
