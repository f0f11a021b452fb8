"""Paired bootstrap of gains over test examples.

Test examples are drawn with replacement, the same ones for both systems (Efron & Tibshirani 1993;
paired, as Koehn 2004 does). Seeds stand for other seeds, and what they add to the draws has
Student's t distribution (`statistics.bootstrap.add_seed_variance`). Languages are not drawn: the
gain is about these languages.

The draws of a target's examples are made once for all of its metrics, and all runs are scored
together. Languages whose test sets have examples in common are resampled jointly
(`statistics.joint_draws`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise, starmap

import numpy as np
from threadpoolctl import threadpool_limits

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import ENGLISH
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.metrics import METRICS
from xstilts.metrics.base import Metric
from xstilts.statistics.estimate import Floats
from xstilts.statistics.joint_draws import Ids, joint_weights

System = Mapping[tuple[str, int], ExampleScores]
"""(language, seed) → example scores, of one setting for one target and metric."""
EXACT = 2.0**53
"""Whole numbers below this add up without rounding in any order."""


def systems_of(
    examples: Iterable[ExampleScores],
) -> dict[str, dict[tuple[str, int], ExampleScores]]:
    """Setting → its system, from the example scores of one target and metric."""
    systems: dict[str, dict[tuple[str, int], ExampleScores]] = {}
    for one in examples:
        systems.setdefault(one.intermediate, {})[one.language, one.seed] = one
    return systems


def bootstrap_gains(
    systems: Mapping[str, Mapping[str, System]],
    draws: int,
    *,
    baseline: str = NO_INTERMEDIATE,
    in_english: bool = False,
) -> dict[str, dict[str, Floats]]:
    """Metric → setting → [draws, seeds] mean gain over languages in each draw of the examples.

    English is left out.

    Args:
        systems: metric → setting → its runs, of one target, the baseline among them. Draws of
            several targets with the same example ids are the same, so that gains may be averaged
            draw by draw and seed by seed before `add_seed_variance`.
        baseline: the setting that the gains are over.
        in_english: whether the gain is that in English, of a target that has no other language.
    """
    sums = {
        metric: _GainSums.of(metric, found, draws, baseline, in_english)
        for metric, found in systems.items()
    }
    sharing: dict[tuple[tuple[str, tuple[str, ...]], ...], list[dict[str, _LanguageRuns]]] = {}
    for metric, one in sums.items():
        runs = {code: _LanguageRuns.of(one, code, systems[metric]) for code in one.languages}
        sharing.setdefault(tuple((code, of.ids) for code, of in runs.items()), []).append(runs)
    with threadpool_limits(1, "blas"):  # threads wait longer for each other than they compute
        for ids, group in sharing.items():
            for code, block, weights in joint_weights(dict(ids), draws):
                for runs in group:
                    runs[code].add(block, weights)
    return {metric: one.means() for metric, one in sums.items()}


def common_runs(system: System, baseline: System) -> tuple[list[str], list[int]]:
    """The languages that both have for all of the seeds that both have."""
    both = system.keys() & baseline.keys()
    seeds = sorted({seed for _, seed in both})
    codes = sorted({code for code, _ in both})
    return [code for code in codes if all((code, seed) in both for seed in seeds)], seeds


@dataclass(frozen=True)
class _GainSums:
    """Sums of gains over languages, one metric.

    Args:
        baseline: the setting that the gains are over.
        codes, seeds: setting → those that it shares with the baseline.
        columns: setting → its columns of `total`, one per seed.
        total: [draws, columns].
    """

    metric: Metric
    baseline: str
    codes: Mapping[str, list[str]]
    seeds: Mapping[str, list[int]]
    columns: Mapping[str, range]
    total: Floats

    @classmethod
    def of(
        cls,
        metric: str,
        systems: Mapping[str, System],
        draws: int,
        baseline: str,
        in_english: bool,
    ) -> _GainSums:
        common = {
            name: common_runs(system, systems[baseline])
            for name, system in systems.items()
            if name != baseline
        }
        codes = {
            name: [code for code in found if in_english or code != ENGLISH]
            for name, (found, _) in common.items()
        }
        seeds = {name: found for name, (_, found) in common.items()}
        ends = list(accumulate((len(found) for found in seeds.values()), initial=0))
        columns = dict(zip(seeds, starmap(range, pairwise(ends)), strict=True))
        total = np.zeros((draws, ends[-1]))
        return cls(METRICS.get(metric), baseline, codes, seeds, columns, total)

    @property
    def languages(self) -> list[str]:
        """The languages in which any setting has a gain, sorted."""
        return sorted({code for codes in self.codes.values() for code in codes})

    def means(self) -> dict[str, Floats]:
        """Setting → [draws, seeds] mean over its languages; without those that have none."""
        counts = {name: len(codes) for name, codes in self.codes.items()}
        return {
            name: np.ascontiguousarray(self.total[:, columns]) / counts[name]
            for name, columns in self.columns.items()
            if counts[name]
        }


@dataclass(frozen=True)
class _LanguageRuns:
    """All runs of one language and metric, scored together.

    Args:
        tables: [n, k] statistics of each run; runs with the same table are one.
        runs, baselines, columns: for each gain of the language, the indices of its run and of the
            baseline's run with the same seed, and its column of the sums.
    """

    sums: _GainSums
    ids: tuple[str, ...]
    tables: list[Floats]
    runs: list[int]
    baselines: list[int]
    columns: list[int]

    @classmethod
    def of(cls, sums: _GainSums, code: str, systems: Mapping[str, System]) -> _LanguageRuns:
        scores = {
            (name, seed): score
            for name, system in systems.items()
            for (language, seed), score in system.items()
            if language == code
        }
        ids = {score.ids for score in scores.values()}
        if len(ids) != 1:
            raise ValueError(f"{code}: the settings were tested on different examples")
        tables = {id(score.statistics): score.statistics for score in scores.values()}
        index = {table: row for row, table in enumerate(tables)}
        row = {run: index[id(score.statistics)] for run, score in scores.items()}
        settings = [name for name in sums.seeds if code in sums.codes[name]]
        pairs = [(name, seed) for name in settings for seed in sums.seeds[name]]
        return cls(
            sums,
            ids.pop(),
            list(tables.values()),
            [row[pair] for pair in pairs],
            [row[sums.baseline, seed] for _, seed in pairs],
            [column for name in settings for column in sums.columns[name]],
        )

    def add(self, block: slice, weights: Floats) -> None:
        """Add the gains in some draws, given as [block, n] weights of the examples."""
        scores = resampled_scores(self.sums.metric, weights, np.stack(self.tables))
        gains = scores[:, self.runs] - scores[:, self.baselines]
        self.sums.total[block, self.columns] += no_gain(gains)


def no_gain(gains: Floats) -> Floats:
    """Gains in draws, 0 where the draw has no score of one of both: the draw shows no gain."""
    return np.where(np.isnan(gains), 0.0, gains)


def no_difference(scores: Floats, observed: float) -> Floats:
    """[draws, runs] scores without NaN: a draw in which a run has no score shows no difference.

    It has the mean of the other runs.

    Args:
        observed: mean score of all runs on all examples, for draws in which no run has a score.
    """
    known = ~np.isnan(scores)
    counts = known.sum(axis=1)
    means = np.where(known, scores, 0.0).sum(axis=1) / np.maximum(counts, 1)
    return np.where(known, scores, np.where(counts > 0, means, observed)[:, None])


def drawn_scores(metric: Metric, ids: tuple[str, ...], tables: Floats, draws: int) -> Floats:
    """[draws, runs] scores of the runs; the draws depend on the ids alone.

    Args:
        ids: [n]; tables: [runs, n, k] statistics of these examples.
    """
    return jointly_drawn_scores(metric, {"": ids}, {"": tables}, draws)[""]


def jointly_drawn_scores(
    metric: Metric, ids: Ids, tables: Mapping[str, Floats], draws: int
) -> dict[str, Floats]:
    """Language → [draws, runs] scores of its runs, in the same draws of common examples.

    Args:
        ids, tables: language → [n], [runs, n, k] statistics of these examples.
    """
    scores = {code: np.empty((draws, len(table))) for code, table in tables.items()}
    with threadpool_limits(1, "blas"):
        for code, block, weights in joint_weights(ids, draws):
            scores[code][block] = resampled_scores(metric, weights, tables[code])
    return scores


def resampled_scores(metric: Metric, weights: Floats, tables: Floats) -> Floats:
    """[block, runs] scores of the runs in the draws; NaN in draws without any of the examples."""
    is_drawn = weights.any(axis=1)
    if not is_drawn.all():
        scores = np.full((len(weights), len(tables)), np.nan)
        if is_drawn.any():
            scores[is_drawn] = resampled_scores(metric, weights[is_drawn], tables)
        return scores
    if metric.resampled is None:
        return metric.value(weighted_sums(weights, tables))
    return np.stack([metric.resampled(weights, table) for table in tables], axis=1)


def weighted_sums(weights: Floats, tables: Floats) -> Floats:
    """[block, runs, k] sums of [runs, n, k] statistics by [block, n] whole weights.

    One product serves all runs if it is exact; otherwise each run has its own, as the order of
    its additions must not depend on how many runs there are.
    """
    runs, n, k = tables.shape
    whole = bool((tables == np.rint(tables)).all()) and n * np.abs(tables).max(initial=0.0) < EXACT
    if not whole:
        apart: Floats = np.matmul(weights, tables)
        return apart.transpose(1, 0, 2)
    joined: Floats = weights @ tables.transpose(1, 0, 2).reshape(n, runs * k)
    return joined.reshape(len(weights), runs, k)
