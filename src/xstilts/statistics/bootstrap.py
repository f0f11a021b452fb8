"""The bootstrap: examples drawn with replacement, the same ones for both systems.

Paired as Koehn (2004) does it, after Efron & Tibshirani (1993). `analysis.stats` makes the gain
table with these; how languages and seeds enter as draws from a larger world is in
`hierarchical`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xstilts.core.hashing import seed_of
from xstilts.statistics.estimate import LEVEL, Floats

DRAWS = 10_000
BLOCK = 1_000


def example_weights(ids: tuple[str, ...], draws: int) -> Iterator[tuple[slice, Floats]]:
    """How often each of n examples was drawn, as (draws, [block, n]).

    The draws depend on the ids alone, so that all systems, all seeds and the parallel test
    sets of other languages are resampled alike.
    """
    generator = np.random.default_rng(seed_of("examples", *ids))
    n = len(ids)
    for start in range(0, draws, BLOCK):
        size = min(BLOCK, draws - start)
        places = generator.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        drawn = np.bincount(places.ravel(), minlength=size * n).reshape(size, n)
        yield slice(start, start + size), drawn.astype(np.float64)


def add_seed_variance(gains: Floats) -> Floats:
    """[draws, seeds] → [draws]: each draw's mean over seeds that stand for other seeds.

    Two or three seeds cannot be drawn with replacement: such draws are too close together, and
    find effects that are not there in one of four or seven cases. So what seeds add to the noise
    of the examples is a draw from the fiducial distribution of a mean (Fisher 1935): Student's t
    with one degree less than there are seeds. A part of how far seeds lie apart is noise of the
    examples, which the draws have already; that much is taken off the drawn variance, which
    is never below zero. One seed says nothing about others.

    Draws with equally many seeds are alike: a difference of two gains, or their mean over targets,
    must be taken seed by seed before.
    """
    draws, seeds = gains.shape
    means: Floats = gains.mean(axis=1)
    middle = gains.mean(axis=0)
    apart = middle - middle.mean()
    squares = float(apart @ apart)
    if not squares:
        return means
    chance = float((gains - means[:, None]).var(axis=0).sum()) / (seeds - 1)
    generator = np.random.default_rng(seed_of("seeds", seeds))
    variance = squares / generator.chisquare(seeds - 1, draws)
    excess = np.maximum(variance - chance, 0) / squares
    normal = generator.standard_normal(gains.shape)
    pull = (normal - normal.mean(axis=1, keepdims=True)) @ apart
    moved: Floats = means + pull * np.sqrt(excess / seeds)
    return moved


def percentiles(drawn: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The interval between the quantiles of the draws; NaN draws do not count."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [level / 2, 1 - level / 2])
    return float(low), float(high)


def bca_interval(
    drawn: Floats, value: float, without: Floats, level: float = LEVEL
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval (BCa; Efron 1987).

    Args:
        drawn: the estimate in each draw.
        value: the estimate itself.
        without: [n] the estimate without each of the points.
    """
    from scipy import stats

    below = (drawn < value).sum() + (drawn == value).sum() / 2
    bias = float(stats.norm.ppf((below + 0.5) / (len(drawn) + 1)))
    pull = np.nanmean(without) - without
    spread = float(np.nansum(pull**2)) ** 1.5
    skew = float(np.nansum(pull**3)) / (6 * spread) if spread > 0 else 0.0
    edges = bias + stats.norm.ppf([level / 2, 1 - level / 2])
    low, high = np.quantile(drawn, stats.norm.cdf(bias + edges / (1 - skew * edges)))
    return float(low), float(high)


def bootstrap_p(drawn: Floats) -> float:
    """The bootstrap's p value for a mean of zero."""
    smaller = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (len(drawn) + 1))
