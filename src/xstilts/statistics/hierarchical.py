"""The mean gain over languages and seeds that stand for other languages and other seeds.

Languages and seeds are crossed random effects: every language was scored with every seed. Three
seeds cannot be bootstrapped: in one of four cases all of them lie on the same side of the truth,
and so does every draw. So the interval comes from the mean squares of the table and a t
distribution with Satterthwaite's (1946) degrees of freedom.

The noise of a test set is part of what differs between languages, provided that each language
has test examples of its own. Parallel test sets share their examples, and the claim is about these
examples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from xstilts.statistics.estimate import (
    LEVEL,
    NO_VARIATION,
    Estimate,
    Floats,
    join_notes,
    missing_estimate,
    nearly_equal,
)


def over_languages_and_seeds(table: ArrayLike, *, fixed_languages: bool = False) -> Estimate:
    """The mean of a table of gains, its interval and its p value against zero.

    Args:
        table: [languages, seeds] gains. A seed that no language has a gain for is left out, then
            every language with a NaN; the note says so.
        fixed_languages: the claim is about these languages only; then seeds alone vary.

    Returns:
        `n` is the smaller number of languages and seeds, or the only one that is counted as drawn:
        one seed, or one language, shows nothing of how others would differ, and the note says it.
        Without variation there is neither interval nor p.
    """
    gains = np.asarray(table, dtype=np.float64)
    whole, note = _complete(gains)
    if fixed_languages:
        whole = whole.mean(axis=0, keepdims=True) if whole.size else whole
    if max(whole.shape) < 2 or not whole.size:
        what = "seeds" if fixed_languages else "languages and seeds"
        return missing_estimate(
            whole.size, f"too few {what} for an interval: {whole.size} complete scores"
        )
    drawn = [count for count in whole.shape if count > 1]
    note = join_notes([note, "" if fixed_languages else _not_drawn(whole)])
    if nearly_equal(whole):
        return Estimate(float(whole.mean()), n=min(drawn), note=join_notes([NO_VARIATION, note]))
    return _by_t(float(whole.mean()), *_spread(whole), min(drawn), note)


def _complete(gains: Floats) -> tuple[Floats, str]:
    """The seeds with a gain, of the languages without a NaN; and what was left out, in words."""
    empty = np.asarray(np.isnan(gains).all(axis=0))
    kept = gains[:, ~empty]
    lost = np.isnan(kept).any(axis=1)
    seeds = f"{int(empty.sum())} of {gains.shape[1]} seeds left out: no language has a score"
    languages = f"{int(lost.sum())} of {len(gains)} languages left out: not all seeds have a score"
    notes = [seeds if empty.any() else "", languages if lost.any() else ""]
    return kept[~lost], join_notes(notes)


def _not_drawn(table: Floats) -> str:
    """The words for what there is one of."""
    languages, seeds = table.shape
    notes = ["one language: languages are not counted as drawn"] * (languages == 1)
    return join_notes([*notes, *["one seed: seeds are not counted as drawn"] * (seeds == 1)])


def _spread(table: Floats) -> tuple[float, float]:
    """Variance of the mean of a crossed table, and its degrees of freedom."""
    parts = list(_mean_squares(table))
    variance = max(sum(weight * square for weight, square, _ in parts), 0.0) / table.size
    means = [(square / table.size, freedom) for _, square, freedom in parts]
    largest = max(means[:2])
    if largest[0] <= 1e-9 * means[-1][0]:  # neither varies at all: the rest is what there is
        largest = means[-1]
    if variance < largest[0]:  # the estimate of one component was negative
        return largest
    apart = sum((square / table.size) ** 2 / freedom for _, square, freedom in parts)
    return variance, variance**2 / apart


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

    error = variance**0.5
    width = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - width, value + width, p, n, note)
