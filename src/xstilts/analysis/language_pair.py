"""The example scores of two experiments in one language, on the examples that both have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import (
    jointly_drawn_scores,
    no_difference,
    resampled_scores,
)
from xstilts.analysis.gains import ENGLISH
from xstilts.metrics import METRICS
from xstilts.metrics.base import Metric
from xstilts.statistics.estimate import NAN, Floats


@dataclass(frozen=True, eq=False)
class LanguagePair:
    """The example scores of one language: seed → scores."""

    a: Mapping[int, ExampleScores]
    b: Mapping[int, ExampleScores]
    paired_seeds: bool = False
    same_runs: bool = False

    def of_seeds(self, a: Collection[int], b: Collection[int]) -> LanguagePair:
        """The pair with some seeds only."""
        of_a = {seed: one for seed, one in self.a.items() if seed in a}
        return replace(self, a=of_a, b={seed: one for seed, one in self.b.items() if seed in b})

    @property
    def ids(self) -> tuple[str, ...]:
        """The test examples that all runs have, in the order of the first."""
        runs = [*self.a.values(), *self.b.values()]
        common = set(runs[0].ids).intersection(*(one.ids for one in runs[1:]))
        return tuple(name for name in runs[0].ids if name in common)

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of test examples of each."""
        a, b = (len(next(iter(side.values())).ids) for side in (self.a, self.b))
        return a, b

    def tables(self) -> Floats:
        """[runs, n, k] statistics of the common examples, those of `a` first."""
        ids = self.ids
        tables = []
        for one in (*self.a.values(), *self.b.values()):
            index = {name: row for row, name in enumerate(one.ids)}
            tables.append(one.statistics[[index[name] for name in ids]])
        return np.stack(tables)

    @property
    def is_equal(self) -> bool:
        """Whether both have the same statistics of the common examples, seed by seed."""
        tables = self.tables()
        return np.array_equal(tables[: len(self.a)], tables[len(self.a) :])

    def scores(self, metric: str) -> tuple[dict[int, float], dict[int, float]]:
        """Seed → score of each on the common examples; NaN where the metric is undefined."""
        scores = _values(METRICS.get(metric), self.tables()).tolist()
        of_a, of_b = scores[: len(self.a)], scores[len(self.a) :]
        return dict(zip(self.a, of_a, strict=True)), dict(zip(self.b, of_b, strict=True))

    def values(self, metric: str) -> tuple[float, float]:
        """The score of each on the common examples, means over seeds; NaN if one is undefined."""
        a, b = (float(np.mean(list(of_seeds.values()))) for of_seeds in self.scores(metric))
        return a, b


def drawn_pairs(
    pairs: Mapping[str, LanguagePair], metric: str, draws: int
) -> dict[str, tuple[Floats, Floats]]:
    """Language → [draws, seeds] scores of each, in the same draws of examples.

    Examples that languages have in common are drawn jointly. A draw in which a run has no score
    shows no difference; a run whose score of all examples is undefined has none in any draw.
    """
    own = METRICS.get(metric)
    tables = {code: pair.tables() for code, pair in pairs.items()}
    ids = {code: pair.ids for code, pair in pairs.items()}
    drawn = jointly_drawn_scores(own, ids, tables, draws)
    both = {}
    for code, scores in drawn.items():
        known = _without_undefined(scores, _values(own, tables[code]))
        first = len(pairs[code].a)
        both[code] = known[:, :first], known[:, first:]
    return both


def _without_undefined(scores: Floats, observed: Floats) -> Floats:
    """[draws, runs] scores; NaN only in runs whose score of all examples is NaN."""
    is_defined = ~np.isnan(observed)
    if is_defined.any():
        scores = no_difference(scores, float(observed[is_defined].mean()))
    return np.where(is_defined, scores, NAN)


def _values(metric: Metric, tables: Floats) -> Floats:
    """[runs] scores of [runs, n, k] statistics, which may be a part of a test set."""
    once = np.ones((1, tables.shape[1]))  # ranks among all examples are not those among a part
    values: Floats = resampled_scores(metric, once, tables)[0]
    return values


def of_common_seeds(
    pairs: Mapping[str, LanguagePair],
) -> tuple[dict[str, LanguagePair], list[str]]:
    """The languages with the seeds that all of them have; and those that are left out.

    So a mean over languages is over the same seeds in each. Languages whose seeds are paired come
    before those whose are not, and others before English, which no mean needs; a language that
    shares no seed with those before it, or is paired in another way, is left out.
    """
    ordered = sorted(pairs, key=lambda code: (not pairs[code].paired_seeds, code == ENGLISH))
    kept: dict[str, LanguagePair] = {}
    seeds_a, seeds_b = set[int](), set[int]()
    for code in ordered:
        pair = pairs[code]
        first = next(iter(kept.values()), pair)
        common_a = seeds_a & pair.a.keys() if kept else set(pair.a)
        common_b = seeds_b & pair.b.keys() if kept else set(pair.b)
        if common_a and common_b and pair.paired_seeds == first.paired_seeds:
            kept[code], seeds_a, seeds_b = pair, common_a, common_b
    common = {code: pair.of_seeds(seeds_a, seeds_b) for code, pair in pairs.items() if code in kept}
    return common, [code for code in pairs if code not in kept]
