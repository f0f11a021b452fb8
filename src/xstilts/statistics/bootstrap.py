"""The paired bootstrap: resample the same examples for both systems.

Source: Koehn (2004), after Efron & Tibshirani (1993). Used for the gain table
(`analysis.gains`); `hierarchical` treats languages and seeds as random samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from xstilts.core.hashing import seed_of
from xstilts.statistics.estimate import LEVEL, Floats

DRAWS = 10_000
DRAWS_PER_TEST = 160
"""With fewer than 40, no p value corrected over many tests is below 0.05, whatever is drawn."""
MOST_DRAWS = 50_000
"""Time grows with tests and draws. Of up to 1,250 tests one can then be significant."""
BLOCK = 1_000
FILE_AND_LINE = re.compile(r"(.*):(\d+)")


def draws_for(tests: int, least: int = DRAWS) -> int:
    """Draws that resolve p values which Holm's correction multiplies by the number of tests.

    The smallest p is 2 / (draws + 1). The strictest of the tests is significant with up to three
    draws on the other side of zero; of more than 312 tests, with fewer (`MOST_DRAWS`).
    """
    return max(least, min(DRAWS_PER_TEST * tests, MOST_DRAWS))


def example_weights(
    ids: tuple[str, ...], draws: int, largest: int = BLOCK
) -> Iterator[tuple[slice, Floats]]:
    """Yield how often each of n examples is drawn, in blocks of (slice of draws, [block, n]).

    The draws depend only on the ids, so that all systems, all seeds and the parallel test
    sets of other languages are resampled identically. Of ids that are lines of one file, which
    parallel test sets have in files of their own, they depend on the lines alone. Sets that have
    only some examples in common: see `joint_draws`.

    Args:
        largest: draws of a block.
    """
    generator = np.random.default_rng(seed_of("examples", *_without_file(ids)))
    n = len(ids)
    for start in range(0, draws, largest):
        size = min(largest, draws - start)
        indices = generator.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(indices.ravel(), minlength=size * n).reshape(size, n)
        yield slice(start, start + size), counts.astype(np.float64)


def _without_file(ids: Sequence[str]) -> Sequence[str]:
    """The numbers of lines, from 0 for the first, if all ids are lines of one file; else the ids.

    A header that only some of the files have moves all lines of a file.
    """
    lines = line_numbers(ids)
    return [str(line - lines[0]) for line in lines] if lines else ids


def line_numbers(ids: Sequence[str]) -> list[int]:
    """The numbers of lines if all ids are lines of one file; else none."""
    lines = [match for name in ids if (match := FILE_AND_LINE.fullmatch(name))]
    if len(lines) < len(ids) or len({line[1] for line in lines}) != 1:
        return []
    return [int(line[2]) for line in lines]


def add_seed_variance(gains: Floats, stream: str = "") -> Floats:
    """[draws, seeds] → [draws]: mean over seeds, with the variance between seeds added.

    Resampling two or three seeds with replacement underestimates their variance: one of four
    or seven null effects would be significant. So the contribution of seeds, beyond the noise of
    the examples, is drawn from the fiducial distribution of a mean (Fisher 1935): Student's t
    with (seeds − 1) degrees of freedom. The differences between seeds are partly noise of the
    examples, which the draws already contain; this part is subtracted from the drawn variance,
    which is at least zero. With one seed nothing is added.

    Draws with equally many seeds use the same random numbers, so compute a difference of two
    gains, or a mean over targets, for each seed before calling this function.

    Args:
        stream: name of another, independent series of random numbers, for systems whose seeds
            are independent samples; the difference of two is then Behrens and Fisher's.
    """
    draws, seeds = gains.shape
    means: Floats = gains.mean(axis=1)
    seed_means = gains.mean(axis=0)
    deviations = seed_means - seed_means.mean()
    squares = float(deviations @ deviations)
    if not squares:
        return means
    example_variance = float((gains - means[:, None]).var(axis=0).sum()) / (seeds - 1)
    generator = np.random.default_rng(seed_of("seeds", seeds, *([stream] if stream else [])))
    variance = squares / generator.chisquare(seeds - 1, draws)
    excess = np.maximum(variance - example_variance, 0) / squares
    normal = generator.standard_normal(gains.shape)
    shift = (normal - normal.mean(axis=1, keepdims=True)) @ deviations
    shifted: Floats = means + shift * np.sqrt(excess / seeds)
    return shifted


def percentiles(draws: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of the draws that are not NaN."""
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [level / 2, 1 - level / 2])
    return float(low), float(high)


def bca_interval(
    draws: Floats, value: float, jackknife: Floats, level: float = LEVEL
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval (BCa; Efron 1987).

    Args:
        draws: the estimate in each draw.
        value: the estimate itself.
        jackknife: [n] the estimate without each of the points.
    """
    from scipy import stats

    below = (draws < value).sum() + (draws == value).sum() / 2
    bias = float(stats.norm.ppf((below + 0.5) / (len(draws) + 1)))
    influence = np.nanmean(jackknife) - jackknife
    spread = float(np.nansum(influence**2)) ** 1.5
    acceleration = float(np.nansum(influence**3)) / (6 * spread) if spread > 0 else 0.0
    z = bias + stats.norm.ppf([level / 2, 1 - level / 2])
    low, high = np.quantile(draws, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def bootstrap_p(draws: Floats) -> float:
    """Two-sided bootstrap p value against zero; NaN if a draw is NaN, which has no side."""
    if np.isnan(draws).any():
        return float("nan")
    smaller = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (len(draws) + 1))
