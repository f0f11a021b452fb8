"""Correlations between measures of intermediate tasks, such as difficulty and gain.

The points are tasks, and there are few of them. p values are therefore from permutations, and
intervals from the bootstrap over tasks, bias-corrected and accelerated (BCa): with a dozen points
their coverage is about nominal, while percentile intervals of a high correlation are too wide.
BCa intervals of Kendall's tau would also be too wide; tau is a mean over pairs, so its interval
is from the jackknife. Points in perfect order are so in every draw, and there is no interval.
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
    complete_cases,
    join_notes,
    missing_estimate,
    nearly_equal,
    too_few,
)
from xstilts.statistics.permutation import DRAWS, permutation_p
from xstilts.statistics.power import POWER

MIN_POINTS = 5
BOOTSTRAP_DRAWS = 2_000
NEGLIGIBLE = 1e-9
"""Smaller differences between ranks, and proportions of their variance, are rounding errors."""
PERFECT = "every draw has the same correlation: no interval"
CONSTANT = "one of the variables is constant: correlation undefined"

Statistic = Callable[[Floats], Floats]
"""Rows of a table [..., n, columns] → correlations [...]."""


def associate(
    x: ArrayLike, y: ArrayLike, kind: Kind = "spearman", draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Rank correlation of n points, with interval and permutation p value.

    Args:
        x, y: [n]; points with a NaN are dropped.
        draws: number of permutations, if they are too many to enumerate.
    """
    x, y = complete_cases(x=x, y=y)
    if problem := _problem(x, y):
        return missing_estimate(len(x), problem)
    correlation = CORRELATIONS[kind]
    value = float(correlation(x, y))
    if kind == "kendall":
        low, high, note = _jackknife_interval(value, x, y)
    else:
        low, high, note = _bootstrap_interval(
            lambda rows: correlation(*np.moveaxis(rows, -1, 0)), [x, y], seed
        )
    p = permutation_p(lambda values: correlation(x, values), y, draws, seed)
    return Estimate(value, low, high, p, len(x), note)


def partial(
    x: ArrayLike,
    y: ArrayLike,
    covariates: Mapping[str, ArrayLike],
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """Partial Spearman correlation of x and y given covariates: of the residuals of their ranks.

    Args:
        covariates: name → [n], such as data size and length; their ranks are regressed out.
            Constant and collinear covariates are dropped and named in the note.

    Each covariate needs one point more. The p value permutes the residuals of y (Freedman & Lane
    1983).
    """
    x, y, *values = complete_cases(x=x, y=y, **covariates)
    n = len(x)
    if problem := _problem(x, y):
        return missing_estimate(n, problem)
    given, dropped = _informative(dict(zip(covariates, values, strict=True)))
    if n < MIN_POINTS + len(given):
        few = too_few(n, MIN_POINTS + len(given), "points")
        return missing_estimate(n, join_notes([few, dropped]))
    table = np.stack([x, y, *given], axis=-1)
    x_left, y_left = _rank_residuals(table)
    if not (x_left.any() and y_left.any()):
        explained = "the covariates explain all variance: correlation undefined"
        return missing_estimate(n, join_notes([explained, dropped]))
    low, high, note = _bootstrap_interval(_partial_correlation, [x, y, *given], seed)
    regressors = _centred_ranks(table[:, 2:])
    p = permutation_p(
        lambda values: pearson(x_left, _regress_out(values, regressors)), y_left, draws, seed
    )
    return Estimate(float(pearson(x_left, y_left)), low, high, p, n, join_notes([note, dropped]))


def associate_over_targets(
    x: ArrayLike, y: ArrayLike, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Mean over targets of Spearman's correlation between the same n tasks.

    Args:
        x, y: [n, targets]; tasks with a NaN are dropped. Targets on which x or y is constant are
            not in the mean.

    Raises:
        ValueError: x and y are not tables of one shape.

    Tasks are permuted and resampled jointly for all targets: targets that profit from the same
    tasks are not independent. The inference is about other tasks, for these targets.
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (x, y))
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f"two tables of one shape are needed, not {x.shape} and {y.shape}")
    complete = ~np.isnan(x + y).any(axis=1)
    x, y = x[complete], y[complete]
    if len(x) < MIN_POINTS or not x.shape[1]:
        return missing_estimate(len(x), too_few(len(x), MIN_POINTS, "points"))
    varies = (np.ptp(x, axis=0) > 0) & (np.ptp(y, axis=0) > 0)
    if not varies.any():
        return missing_estimate(len(x), CONSTANT)
    x_ranks, y_ranks = ranks(x[:, varies].T), ranks(y[:, varies].T)
    value = float(_nanmean(pearson(x_ranks, y_ranks)))
    columns = [*x_ranks, *y_ranks]
    low, high, note = _bootstrap_interval(
        lambda rows: _mean_over_targets(rows, len(x_ranks)), columns, seed
    )
    p = permutation_p(
        lambda rows: pearson(x_ranks, np.swapaxes(rows, -1, -2)).mean(axis=-1),
        y_ranks.T,
        draws,
        seed,
    )
    return Estimate(value, low, high, p, len(x), note)


@dataclass(frozen=True)
class Influence:
    """Influence of a point: the correlation without the point, and the change."""

    name: str
    without: float
    change: float


def leave_one_out(
    names: Sequence[str], x: ArrayLike, y: ArrayLike, kind: Kind = "spearman"
) -> list[Influence]:
    """Influence of each point, largest first; points with a NaN are dropped.

    Raises:
        ValueError: names, x and y differ in length.
    """
    indices, x, y = complete_cases(names=np.arange(len(names), dtype=np.float64), x=x, y=y)
    correlation = CORRELATIONS[kind]
    full = float(correlation(x, y))
    influences = []
    for point, index in enumerate(indices):
        without = float(correlation(np.delete(x, point), np.delete(y, point)))
        influences.append(Influence(names[int(index)], without, without - full))
    return sorted(influences, key=lambda one: -abs(np.nan_to_num(one.change, nan=np.inf)))


def points_needed(
    correlation: float, kind: Kind = "spearman", power: float = POWER, level: float = LEVEL
) -> int:
    """Number of points that a two-sided test needs to detect this correlation with this power.

    Raises:
        ValueError: the correlation is 0 or not between -1 and 1.

    By Fisher's z, with the variances of Fieller, Hartley & Pearson (1957) for Kendall's tau and
    of Bonett & Wright (2000) for Spearman's rho.
    """
    from scipy import stats

    if not 0 < abs(correlation) < 1:
        raise ValueError(f"the correlation must be in (-1, 0) or (0, 1), not {correlation}")
    factor, offset = _fisher_variance(correlation, kind)
    quantiles = float(stats.norm.ppf(1 - level / 2) + stats.norm.ppf(power))
    return int(np.ceil(factor * (quantiles / np.arctanh(abs(correlation))) ** 2 + offset))


def detectable_correlation(
    n: int, kind: Kind = "spearman", power: float = POWER, level: float = LEVEL
) -> float:
    """Smallest correlation (in steps of 0.01) that n points detect with this power; NaN if none."""
    for hundredths in range(1, 100):
        if points_needed(hundredths / 100, kind, power, level) <= n:
            return hundredths / 100
    return NAN


def _fisher_variance(correlation: float, kind: Kind) -> tuple[float, int]:
    """(c, k) where c / (n - k) is the variance of the correlation on Fisher's scale."""
    return (0.437, 4) if kind == "kendall" else (1 + correlation**2 / 2, 3)


def _problem(x: Floats, y: Floats) -> str:
    if len(x) < MIN_POINTS:
        return too_few(len(x), MIN_POINTS, "points")
    return CONSTANT if np.ptp(x) == 0 or np.ptp(y) == 0 else ""


def _informative(covariates: Mapping[str, Floats]) -> tuple[list[Floats], str]:
    """Drop covariates with constant or collinear ranks; return a note that names them."""
    kept: list[Floats] = []
    dropped = []
    for name, values in covariates.items():
        *previous, own = _centred_ranks(np.stack([*kept, values], axis=-1))
        residual = _regress_out(own, np.reshape(previous, (len(kept), len(own))))
        if np.abs(residual).max() > NEGLIGIBLE * len(own):
            kept.append(values)
        else:
            dropped.append(name)
    note = f"constant or collinear covariates left out: {', '.join(dropped)}"
    return kept, note if dropped else ""


def _centred_ranks(rows: Floats) -> Floats:
    """[..., n, columns] → [..., columns, n] ranks minus their mean."""
    ranked = ranks(np.swapaxes(rows, -1, -2))
    return np.asarray(ranked - ranked.mean(axis=-1, keepdims=True))


def _regress_out(values: Floats, regressors: Floats) -> Floats:
    """[..., m, n] ranks, [..., k, n] ranks of covariates → [..., m, n] residuals.

    The pseudo-inverse ignores constant covariates.
    """
    transposed = np.swapaxes(regressors, -1, -2)
    inverse = np.linalg.pinv(regressors @ transposed, rcond=NEGLIGIBLE, hermitian=True)
    return np.asarray(values - values @ transposed @ inverse @ regressors)


def _rank_residuals(rows: Floats) -> tuple[Floats, Floats]:
    """[..., n, 2 + k] → 2 × [..., n]: residuals of the ranks of x and y given k covariates."""
    ranked = _centred_ranks(rows)
    residuals = _regress_out(ranked[..., :2, :], ranked[..., 2:, :])
    largest = np.abs(residuals).max(axis=-1, keepdims=True)
    residuals = np.where(largest > NEGLIGIBLE * rows.shape[-2], residuals, 0.0)
    return residuals[..., 0, :], residuals[..., 1, :]


def _partial_correlation(rows: Floats) -> Floats:
    """[draws, n, 2 + k] → [draws]; NaN where there are no residuals."""
    return pearson(*_rank_residuals(rows))


def _mean_over_targets(rows: Floats, targets: int) -> Floats:
    """[..., n, 2 targets] → [...] mean Spearman correlation of the first and the second half."""
    columns = np.swapaxes(rows, -1, -2)
    return _nanmean(spearman(columns[..., :targets, :], columns[..., targets:, :]))


def _nanmean(values: Floats) -> Floats:
    """Mean over the last axis without NaN; NaN if all values are."""
    defined = ~np.isnan(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = np.where(defined, values, 0.0).sum(axis=-1) / defined.sum(axis=-1)
    return np.asarray(mean)


def _bootstrap_interval(
    statistic: Statistic, columns: Sequence[Floats], seed: int
) -> tuple[float, float, str]:
    """BCa interval, or a note on why there is none: most draws are NaN, or all are equal."""
    table = np.stack(columns, axis=-1)
    n = len(table)
    indices = np.random.default_rng(seed).integers(n, size=(BOOTSTRAP_DRAWS, n))
    draws = statistic(table[indices])
    defined = draws[~np.isnan(draws)]
    if len(defined) < BOOTSTRAP_DRAWS / 2:
        return NAN, NAN, "most draws have no correlation: no interval"
    if nearly_equal(defined):
        return NAN, NAN, PERFECT
    value, jackknife = float(statistic(table)), statistic(table[_leave_one_out_indices(n)])
    return *bca_interval(defined, value, jackknife), ""


def _jackknife_interval(value: float, x: Floats, y: Floats) -> tuple[float, float, str]:
    """Interval of Kendall's tau by the jackknife (Arvesen 1969), with Student's t(n - 2)."""
    from scipy import stats

    n = len(x)
    indices = _leave_one_out_indices(n)
    jackknife = kendall(x[indices], y[indices])
    if nearly_equal(jackknife):
        return NAN, NAN, PERFECT
    error = ((n - 1) / n * float(((jackknife - jackknife.mean()) ** 2).sum())) ** 0.5
    half_width = float(stats.t.ppf(1 - LEVEL / 2, n - 2)) * error
    return max(-1.0, value - half_width), min(1.0, value + half_width), ""


def _leave_one_out_indices(n: int) -> NDArray[np.intp]:
    """[n, n - 1] the other indices of each index."""
    return np.array([np.delete(np.arange(n), index) for index in range(n)], dtype=np.intp)
