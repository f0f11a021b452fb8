"""The mean gain over languages and seeds that stand for other languages and other seeds.

Languages and seeds are crossed random effects: every language was scored with every seed. Three
seeds cannot be bootstrapped: in one of four cases all of them lie on the same side of the truth,
and so does every draw. So the interval comes from the mean squares of the table and a t
distribution with Satterthwaite's (1946) degrees of freedom.

The noise of a test set is part of what differs between languages, provided that each language
has test examples of its own. Parallel test sets share their examples; their noise must be added
by `bootstrap.paired` over the same examples, or the claim restricted to these examples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import LEVEL, Estimate, Floats, nothing


def over_languages_and_seeds(table: ArrayLike, *, fixed_languages: bool = False) -> Estimate:
    """The mean of a table of gains, its interval and its p value against zero.

    Args:
        table: [languages, seeds] gains; a language or a seed with a NaN in it is left out.
        fixed_languages: the claim is about these languages only; then seeds alone vary.
    """
    gains = np.asarray(table, dtype=np.float64)
    whole, note = _whole(gains)
    if fixed_languages:
        whole = whole.mean(axis=0, keepdims=True) if whole.size else whole
    if max(whole.shape) < 2 or not whole.size:
        what = "seeds" if fixed_languages else "languages and seeds"
        return nothing(whole.size, f"too few {what} for an interval: {whole.size} complete scores")
    variance, freedom = _spread(whole)
    return _by_t(float(whole.mean()), variance, freedom, whole.size, note)


def _whole(gains: Floats) -> tuple[Floats, str]:
    """The rows without a NaN, and the words for what was left out."""
    lost = np.isnan(gains).any(axis=1)
    note = f"{int(lost.sum())} of {len(gains)} languages left out: not all seeds have a score"
    return gains[~lost], note if lost.any() else ""


def _spread(table: Floats) -> tuple[float, float]:
    """Variance of the mean of a crossed table, and its degrees of freedom."""
    languages, seeds = table.shape
    parts = list(_mean_squares(table))
    variance = max(sum(weight * square for weight, square, _ in parts), 0.0) / table.size
    largest = max((square / table.size, freedom) for weight, square, freedom in parts if weight > 0)
    if variance < largest[0]:  # the estimate of one component was negative
        return largest
    apart = sum((square / table.size) ** 2 / freedom for _, square, freedom in parts)
    return variance, variance**2 / apart if apart else float(min(languages, seeds) - 1 or 1)


def _mean_squares(table: Floats) -> Iterator[tuple[int, float, int]]:
    """(sign in the variance, mean square, degrees of freedom) of languages, seeds and the rest."""
    languages, seeds = table.shape
    rows, cells = table.mean(axis=1), table.mean(axis=0)
    if languages > 1:
        yield 1, seeds * float(rows.var(ddof=1)), languages - 1
    if seeds > 1:
        yield 1, languages * float(cells.var(ddof=1)), seeds - 1
    if languages > 1 and seeds > 1:
        rest = table - rows[:, None] - cells + table.mean()
        freedom = (languages - 1) * (seeds - 1)
        yield -1, float((rest**2).sum()) / freedom, freedom


def _by_t(value: float, variance: float, freedom: float, n: int, note: str) -> Estimate:
    from scipy import stats

    if variance == 0:
        return Estimate(value, value, value, 1.0 if value == 0 else 0.0, n, note)
    error = variance**0.5
    width = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - width, value + width, p, n, note)
