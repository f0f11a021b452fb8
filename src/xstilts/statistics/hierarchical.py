"""Mean gain over languages and seeds as random samples of languages and seeds.

Languages and seeds are crossed random effects: every language is scored with every seed. Three
seeds cannot be bootstrapped: in one of four cases all of them, and so all draws, are on the same
side of the true mean. The interval therefore uses the mean squares of the table and a t
distribution with Satterthwaite's (1946) degrees of freedom.

The noise of a test set is part of the variance between languages if each language has its own
test examples. Parallel test sets share their examples, and the inference is conditional on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isnan

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import (
    LEVEL,
    NAN,
    NO_VARIATION,
    Estimate,
    Floats,
    join_notes,
    missing_estimate,
    nearly_equal,
)


def over_languages_and_seeds(table: ArrayLike, *, fixed_languages: bool = False) -> Estimate:
    """Mean of a table of gains, its interval and its p value against zero.

    Args:
        table: [languages, seeds] gains. Seeds without any gain are dropped, then languages with
            a NaN; the note reports them.
        fixed_languages: restrict the inference to these languages; only seeds vary.

    Returns:
        `n` is the smaller number of languages and seeds, ignoring a number of one: the variance
        between seeds (languages) is unknown with one seed (language), and the note says so. One
        seed has no p value: the interval is then over languages only.
        Without variation there is neither interval nor p value.
    """
    gains = np.asarray(table, dtype=np.float64)
    complete, note = _complete(gains)
    if fixed_languages:
        complete = complete.mean(axis=0, keepdims=True) if complete.size else complete
    if max(complete.shape) < 2 or not complete.size:
        what = "seeds" if fixed_languages else "languages and seeds"
        return missing_estimate(
            complete.size, f"too few {what} for an interval: {complete.size} complete scores"
        )
    mean, n = float(complete.mean()), min(count for count in complete.shape if count > 1)
    note = join_notes([note, "" if fixed_languages else _ignored_variance(complete)])
    if nearly_equal(complete):
        return Estimate(mean, n=n, note=join_notes([NO_VARIATION, note]))
    estimate = _t_estimate(mean, *_variance_of_mean(complete), n, note)
    return replace(estimate, p=NAN) if complete.shape[1] == 1 else estimate


def mean_over_languages_and_seeds(table: Floats) -> Estimate:
    """The same, with the mean also where there are too few scores for an interval."""
    estimate = over_languages_and_seeds(table)
    return (
        replace(estimate, value=float(table.mean()))
        if isnan(estimate.value) and table.size
        else estimate
    )


def _complete(gains: Floats) -> tuple[Floats, str]:
    """Drop seeds without gains, then languages with a NaN; return a note on what was dropped."""
    empty = np.asarray(np.isnan(gains).all(axis=0))
    kept = gains[:, ~empty]
    partial = np.isnan(kept).any(axis=1)
    seeds = f"{int(empty.sum())} of {gains.shape[1]} seeds left out: no language has a score"
    languages = (
        f"{int(partial.sum())} of {len(gains)} languages left out: not all seeds have a score"
    )
    notes = [seeds if empty.any() else "", languages if partial.any() else ""]
    return kept[~partial], join_notes(notes)


def _ignored_variance(table: Floats) -> str:
    """Note on a variance that cannot be estimated."""
    languages, seeds = table.shape
    return join_notes(
        [
            "one language: variance between languages is ignored" if languages == 1 else "",
            "one seed: variance between seeds is ignored" if seeds == 1 else "",
        ]
    )


def _variance_of_mean(table: Floats) -> tuple[float, float]:
    """Variance of the mean of a crossed table, and its degrees of freedom."""
    terms = list(_mean_squares(table))
    variance = max(sum(sign * square for sign, square, _ in terms), 0.0) / table.size
    alternatives = [(square / table.size, freedom) for _, square, freedom in terms]
    largest = max(alternatives[:2])
    if largest[0] <= 1e-9 * alternatives[-1][0]:  # no main effect varies: use the residual
        largest = alternatives[-1]
    if variance < largest[0]:  # the estimate of one variance component was negative
        return largest
    satterthwaite = sum((square / table.size) ** 2 / freedom for _, square, freedom in terms)
    return variance, variance**2 / satterthwaite


def _mean_squares(table: Floats) -> Iterator[tuple[int, float, int]]:
    """Yield (sign in the variance, mean square, degrees of freedom): languages, seeds, residual."""
    languages, seeds = table.shape
    language_means, seed_means = table.mean(axis=1), table.mean(axis=0)
    if languages > 1:
        yield 1, seeds * float(language_means.var(ddof=1)), languages - 1
    if seeds > 1:
        yield 1, languages * float(seed_means.var(ddof=1)), seeds - 1
    if languages > 1 and seeds > 1:
        residual = table - language_means[:, None] - seed_means + table.mean()
        freedom = (languages - 1) * (seeds - 1)
        yield -1, float((residual**2).sum()) / freedom, freedom


def _t_estimate(value: float, variance: float, freedom: float, n: int, note: str) -> Estimate:
    from scipy import stats

    standard_error = variance**0.5
    half_width = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * standard_error
    p = 2 * float(stats.t.sf(abs(value) / standard_error, freedom))
    return Estimate(value, value - half_width, value + half_width, p, n, note)
