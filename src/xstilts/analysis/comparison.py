"""Two experiments compared: the difference of their scores over the same test examples.

In each draw both are scored on the same resampled examples (Koehn 2004). Seeds of one encoder are
paired, as seed 0 has the same order of the data in both experiments; otherwise what other seeds
would add is drawn for each experiment independently. Scores of different test data are never
paired; the reason is listed instead. Nor are scores on a target where a run of the setting diverged
or collapsed, as in the gain table: the mean of its other seeds would be a selection. While scores
are missing, the difference is one so far, without a p value, as in the gain table too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

from xstilts.analysis.compared_experiment import ComparedExperiment
from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.analysis.experiment_changes import Change, config_changes, package_changes
from xstilts.analysis.gains import ENGLISH
from xstilts.analysis.language_pair import LanguagePair, drawn_pairs, of_common_seeds
from xstilts.analysis.mixed_runs import NOTHING, ComparedRuns, ComputedWith, summarised
from xstilts.analysis.run_states import FAILED
from xstilts.analysis.same_test_data import pairing_problem
from xstilts.metrics import METRICS
from xstilts.planning.compile import ResultCell
from xstilts.statistics.bootstrap import (
    add_seed_variance,
    bootstrap_p,
    draws_for,
    percentiles,
)
from xstilts.statistics.estimate import LEVEL, NAN, Floats
from xstilts.statistics.multiple_testing import holm

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 2_000
MEAN = "mean"
"""In place of a language: the mean over the languages other than English."""
Runs = Mapping[str, Mapping[int, ResultCell]]
"""Language → seed → cell."""
Scores = Mapping[int, ExampleScores]
"""Seed → the example scores of one language."""


@dataclass(frozen=True)
class ScoreDifference:
    """The scores of two experiments on their common test examples; scores between 0 and 1.

    Args:
        language: or `mean`, over the languages other than English (English, if they have no other
            language in common).
        a, b: means over seeds; NaN for a mean over languages of which one has no defined score,
            or of which none can be compared.
        difference: b - a; `low` to `high` is its 95 % interval, clipped to possible differences.
        p, p_holm: of a mean over languages against zero, corrected over all of them; NaN for one
            seed, whose interval is over examples only, for equal runs, without a difference, and
            while it is partial.
        n: common test examples; `a_n` and `b_n` are all of each.
        languages: how many the mean is over.
        same_runs: whether both have the same trainings, so that there is nothing to compare.
        partial: whether scores of either are still missing on this target with this setting.
    """

    encoder: str
    target: str
    metric: str
    intermediate: str
    language: str
    a: float = NAN
    b: float = NAN
    difference: float = NAN
    low: float = NAN
    high: float = NAN
    n: int = 0
    a_n: int = 0
    b_n: int = 0
    a_seeds: int = 0
    b_seeds: int = 0
    languages: int = 0
    p: float = NAN
    p_holm: float = NAN
    significant: bool = False
    same_runs: bool = False
    partial: bool = False


@dataclass(frozen=True)
class UnpairedScores:
    """Scores that are not compared, and why; no language if it concerns all."""

    encoder: str
    target: str
    intermediate: str
    language: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """Two experiments compared; differences are those of `b` from `a`.

    Args:
        changes: what differs in the experiments.
        scores: the mean over languages of each target and setting, then each language.
        unpaired: what is not compared; seeds that are not finished are named here too.
        notes: what compared runs were computed with, if it differs; see `analysis.mixed_runs`.
    """

    a: str
    b: str
    changes: tuple[Change, ...]
    scores: tuple[ScoreDifference, ...]
    unpaired: tuple[UnpairedScores, ...]
    notes: tuple[str, ...] = ()

    @property
    def means(self) -> list[ScoreDifference]:
        """The differences of means over languages."""
        return [score for score in self.scores if score.language == MEAN]

    @property
    def table(self) -> pd.DataFrame:
        """The differences as a data frame, with the fields of `ScoreDifference`."""
        import pandas as pd

        names = [column.name for column in fields(ScoreDifference)]
        return pd.DataFrame([asdict(score) for score in self.scores], columns=names)


def compare_experiments(
    a: ComparedExperiment, b: ComparedExperiment, draws: int = DRAWS
) -> Comparison:
    """Compare the scores of all targets and settings that both experiments have.

    Args:
        draws: of the bootstrap; more if many means are tested.
    """
    pairs, unpaired = _pairs(a, b)
    draws = draws_for(len(pairs), draws)
    scores, compared = list[ScoreDifference](), list[_Pair]()
    for pair in pairs:
        found, problems = pair.compared(draws)
        scores += found
        unpaired += problems
        compared += [pair] if found else []
    changes = config_changes(a.config, b.config)
    changes += package_changes(*((side.compiled.cells, side.store) for side in (a, b)))
    known = ComputedWith(a.store), ComputedWith(b.store)
    where = f"in {a.name} and {b.name}"
    mixed = summarised([pair.runs(*known) for pair in compared], where, where)
    notes = tuple(one.text for one in mixed)
    corrected = tuple(_corrected(scores))
    return Comparison(a.name, b.name, tuple(changes), corrected, tuple(unpaired), notes)


def _corrected(scores: Sequence[ScoreDifference]) -> Iterator[ScoreDifference]:
    corrected = holm(np.array([score.p for score in scores], dtype=np.float64))
    for score, p in zip(scores, corrected, strict=True):
        yield replace(score, p_holm=float(p), significant=bool(p < LEVEL))


@dataclass(frozen=True, eq=False)
class _Pair:
    """The runs of two experiments on one target with one setting."""

    a: ComparedExperiment
    b: ComparedExperiment
    encoders: tuple[str, str]
    target: str
    setting: str
    a_runs: Runs
    b_runs: Runs

    @property
    def encoder(self) -> str:
        return " → ".join(dict.fromkeys(self.encoders))

    @property
    def metric(self) -> str:
        """The first metric of the one that the other has too; empty if there is none."""
        of_a, of_b = (next(iter(next(iter(runs.values())).values())).metrics for runs in self._runs)
        return next((name for name in of_a if name in of_b), "")

    @property
    def _runs(self) -> tuple[Runs, Runs]:
        return self.a_runs, self.b_runs

    @property
    def _sides(self) -> tuple[tuple[ComparedExperiment, Runs], ...]:
        return (self.a, self.a_runs), (self.b, self.b_runs)

    def compared(self, draws: int) -> tuple[list[ScoreDifference], list[UnpairedScores]]:
        """The difference of the mean and of each language; and what is not compared."""
        if not self.metric:
            return [], [self._unpaired("", "they have no metric in common")]
        if failed := list(self._failures()):
            return [], [self._unpaired("", reason) for reason in failed]
        problems, languages = [], dict[str, LanguagePair]()
        for code in sorted(self.a_runs.keys() | self.b_runs.keys(), key=_english_first):
            scores = self._scores(code)
            problems += [self._unpaired(code, reason) for reason in self._missing(code, scores)]
            pair = self._language(code, scores) if all(scores) else None
            if isinstance(pair, str):
                problems.append(self._unpaired(code, pair))
            elif pair:
                languages[code] = pair
        languages, without_seeds = of_common_seeds(languages)
        problems += [self._unpaired(code, "other seeds than the rest") for code in without_seeds]
        undefined = {code: list(self._undefined(pair)) for code, pair in languages.items()}
        problems += [self._unpaired(code, why) for code, of in undefined.items() for why in of]
        defined = [code for code in languages if not undefined[code]]
        if not defined:
            return [], problems
        in_english = self.a_runs.keys() & self.b_runs.keys() == {ENGLISH}
        averaged = [code for code in languages if in_english or code != ENGLISH]
        jointly = {code: languages[code] for code in averaged}
        apart = {code: pair for code, pair in languages.items() if code not in jointly}
        drawn = drawn_pairs(jointly, self.metric, draws) | drawn_pairs(apart, self.metric, draws)
        mean = self._difference(
            MEAN, [languages[code] for code in averaged], [drawn[code] for code in averaged]
        )
        each = [self._difference(code, [languages[code]], [drawn[code]]) for code in defined]
        return [mean, *each], problems

    def runs(self, of_a: ComputedWith, of_b: ComputedWith) -> ComparedRuns:
        """What the runs of both were computed with, in the languages that both have."""
        keys = (
            known.behind(cell.key)
            for known, runs in ((of_a, self.a_runs), (of_b, self.b_runs))
            for code in self.a_runs.keys() & self.b_runs.keys()
            for cell in runs[code].values()
        )
        return ComparedRuns((self.encoder, self.setting, self.target), NOTHING.union(*keys))

    @cached_property
    def _partial(self) -> bool:
        """Whether a run of either in a language that both have has no score yet."""
        return any(
            not side.store.has(cell.key)
            for side, runs in self._sides
            for code in self.a_runs.keys() & self.b_runs.keys()
            for cell in runs[code].values()
        )

    def _failures(self) -> Iterator[str]:
        """The runs of each experiment that diverged or collapsed."""
        for side, runs in self._sides:
            cells = [cell for by_seed in runs.values() for cell in by_seed.values()]
            failed = {(cell.seed, state) for cell in cells for state in FAILED & side.states(cell)}
            if failed:
                named = ", ".join(f"seed {seed} {state}" for seed, state in sorted(failed))
                yield f"{side.name}: {named}"

    def _scores(self, code: str) -> tuple[Scores, Scores]:
        """The runs of each in a language that have a score."""
        of_a, of_b = (
            {
                one.seed: one
                for one in example_scores(list(runs.get(code, {}).values()), side.store)
                if one.metric == self.metric
            }
            for side, runs in self._sides
        )
        return of_a, of_b

    def _missing(self, code: str, scores: tuple[Scores, Scores]) -> Iterator[str]:
        """Which scores of a language are not there."""
        for (side, runs), of in zip(self._sides, scores, strict=True):
            if code not in runs:
                yield f"{side.name} has no test in this language"
            elif not of:
                yield f"{side.name} has no score yet"
            elif len(of) < len(runs[code]):
                yield f"{side.name} has {len(of)} of {len(runs[code])} seeds"

    def _undefined(self, pair: LanguagePair) -> Iterator[str]:
        """Which runs of a language have a score that is NaN."""
        for side, scores in zip((self.a, self.b), pair.scores(self.metric), strict=True):
            seeds = ", ".join(str(seed) for seed, score in scores.items() if isnan(score))
            if seeds:
                yield f"{side.name} has no score: {self.metric} is undefined (seed {seeds})"

    def _language(self, code: str, scores: tuple[Scores, Scores]) -> LanguagePair | str:
        """The scores of a language, or why they cannot be paired."""
        first, second = (
            side.run(runs[code][next(iter(of))])
            for (side, runs), of in zip(self._sides, scores, strict=True)
        )
        if problem := pairing_problem(first, second, self.metric):
            return problem
        if not LanguagePair(*scores).ids:
            return "no common test example has gold answers in both"
        planned = self.a_runs[code].keys() & self.b_runs[code].keys()
        if self.encoders[0] != self.encoders[1] or not planned:
            return LanguagePair(*scores)
        common = sorted(scores[0].keys() & scores[1].keys())
        if not common:
            return "no seed has a score in both yet"
        of_a, of_b = ({seed: of[seed] for seed in common} for of in scores)
        pair = LanguagePair(of_a, of_b, paired_seeds=True)
        trained = [[runs[code][seed].trained_by for seed in common] for runs in self._runs]
        return replace(pair, same_runs=trained[0] == trained[1] and pair.is_equal)

    def _difference(
        self, language: str, pairs: Sequence[LanguagePair], drawn: Sequence[tuple[Floats, Floats]]
    ) -> ScoreDifference:
        """The difference of means over languages that have the same seeds; NaN over none."""
        if not pairs:
            return self._no_difference(language)
        a, b = (
            float(np.mean([pair.values(self.metric)[side] for pair in pairs])) for side in (0, 1)
        )
        first, second = (np.mean([of[side] for of in drawn], axis=0) for side in (0, 1))
        paired = all(pair.paired_seeds for pair in pairs)
        if paired:
            draws = add_seed_variance(second - first)
        else:
            draws = add_seed_variance(second, "b") - add_seed_variance(first, "a")
        largest = 1.0 - METRICS.get(self.metric).lowest
        low, high = np.clip(percentiles(draws), -largest, largest)
        seeds = len(pairs[0].a), len(pairs[0].b)
        same = all(pair.same_runs for pair in pairs)
        tested = language == MEAN and min(seeds) > 1 and not same and not self._partial
        return replace(
            self._no_difference(language),
            a=a,
            b=b,
            difference=b - a,
            low=float(low),
            high=float(high),
            n=sum(len(pair.ids) for pair in pairs),
            a_n=sum(pair.sizes[0] for pair in pairs),
            b_n=sum(pair.sizes[1] for pair in pairs),
            a_seeds=seeds[0],
            b_seeds=seeds[1],
            languages=len(pairs),
            p=bootstrap_p(draws) if tested else NAN,
            same_runs=same,
        )

    def _no_difference(self, language: str) -> ScoreDifference:
        """A difference without numbers."""
        group = self.encoder, self.target, self.metric, self.setting, language
        return ScoreDifference(*group, partial=self._partial)

    def _unpaired(self, code: str, reason: str) -> UnpairedScores:
        return UnpairedScores(self.encoder, self.target, self.setting, code, reason)


def _pairs(
    a: ComparedExperiment, b: ComparedExperiment
) -> tuple[list[_Pair], list[UnpairedScores]]:
    """The targets and settings that both have; and those that only one has."""
    of_a, of_b = a.groups(), b.groups()
    encoders_a, encoders_b = ({group[0] for group in groups} for groups in (of_a, of_b))
    renamed = {}
    if len(encoders_a) == len(encoders_b) == 1:
        renamed = {next(iter(encoders_a)): next(iter(encoders_b))}
    pairs, unpaired, used = [], [], set()
    for group, runs in of_a.items():
        encoder, target, setting = group
        other = renamed.get(encoder, encoder), target, setting
        if other in of_b:
            used.add(other)
            pairs.append(_Pair(a, b, (encoder, other[0]), target, setting, runs, of_b[other]))
        else:
            unpaired.append(UnpairedScores(*group, "", f"only in {a.name}"))
    unpaired += [
        UnpairedScores(*group, "", f"only in {b.name}") for group in of_b if group not in used
    ]
    return pairs, unpaired


def _english_first(code: str) -> tuple[bool, str]:
    return code != ENGLISH, code
