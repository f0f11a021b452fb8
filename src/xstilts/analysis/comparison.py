"""Two experiments compared: the difference of their scores over the same test examples.

In each draw both are scored on the same resampled examples (Koehn 2004). Seeds of one encoder are
paired, as seed 0 has the same order of the data in both experiments; otherwise what other seeds
would add is drawn for each experiment independently. Scores of different test data are never
paired; the reason is listed instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xstilts.analysis.encoder_identity import with_published_names
from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.experiment_changes import Change, config_changes, package_changes
from xstilts.analysis.gains import ENGLISH
from xstilts.analysis.language_pair import LanguagePair, of_common_seeds
from xstilts.analysis.same_test_data import ScoredRun, pairing_problem
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.statistics.bootstrap import (
    add_seed_variance,
    bootstrap_p,
    percentiles,
)
from xstilts.statistics.estimate import LEVEL, NAN, Floats
from xstilts.statistics.multiple_testing import holm

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 2_000
MEAN = "mean"
"""In place of a language: the mean over the languages other than English."""
Group = tuple[str, str, str]
"""(encoder, target, setting)."""
Runs = Mapping[str, Mapping[int, ResultCell]]
"""Language → seed → cell."""


@dataclass(frozen=True, eq=False)
class ComparedExperiment:
    """An experiment with its results.

    Args:
        config: see `analysis.run_records.experiment_config`.
    """

    name: str
    config: Mapping[str, Any]
    compiled: CompiledPlan
    store: Store

    def groups(self) -> dict[Group, dict[str, dict[int, ResultCell]]]:
        """The cells by encoder, target and setting, then by language and seed."""
        groups: dict[Group, dict[str, dict[int, ResultCell]]] = {}
        for cell in with_published_names(self.compiled).cells:
            group = groups.setdefault((cell.encoder, cell.target, cell.intermediate), {})
            group.setdefault(cell.language, {})[cell.seed] = cell
        return groups

    def run(self, cell: ResultCell) -> ScoredRun:
        """A cell of this experiment."""
        return ScoredRun(cell, self.compiled, self.store)


@dataclass(frozen=True)
class ScoreDifference:
    """The scores of two experiments on their common test examples; scores between 0 and 1.

    Args:
        language: or `mean`, over the languages other than English (English, if it is alone).
        a, b: means over seeds.
        difference: b - a; `low` to `high` is its 95 % interval.
        p, p_holm: of a mean over languages against zero, corrected over all of them; NaN for one
            seed, whose interval is over examples only, and for equal runs.
        n: common test examples; `a_n` and `b_n` are all of each.
        languages: how many the mean is over.
        same_runs: whether both have the same trainings, so that there is nothing to compare.
    """

    encoder: str
    target: str
    metric: str
    intermediate: str
    language: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    n: int
    a_n: int
    b_n: int
    a_seeds: int
    b_seeds: int
    languages: int = 1
    p: float = NAN
    p_holm: float = NAN
    significant: bool = False
    same_runs: bool = False


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
        unpaired: what is not compared.
    """

    a: str
    b: str
    changes: tuple[Change, ...]
    scores: tuple[ScoreDifference, ...]
    unpaired: tuple[UnpairedScores, ...]

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
    """Compare the scores of all targets and settings that both experiments have."""
    pairs, unpaired = _pairs(a, b)
    scores: list[ScoreDifference] = []
    for pair in pairs:
        found, problems = pair.compared(draws)
        scores += found
        unpaired += problems
    changes = config_changes(a.config, b.config)
    changes += package_changes(*((side.compiled.cells, side.store) for side in (a, b)))
    return Comparison(a.name, b.name, tuple(changes), tuple(_corrected(scores)), tuple(unpaired))


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

    def compared(self, draws: int) -> tuple[list[ScoreDifference], list[UnpairedScores]]:
        """The difference of the mean and of each language; and what is not compared."""
        problems, languages = [], dict[str, LanguagePair]()
        if not self.metric:
            return [], [self._unpaired("", "they have no metric in common")]
        for code in sorted(self.a_runs.keys() | self.b_runs.keys(), key=_english_first):
            pair = self._language(code)
            if isinstance(pair, str):
                problems.append(self._unpaired(code, pair))
            else:
                languages[code] = pair
        languages, without_seeds = of_common_seeds(languages)
        problems += [self._unpaired(code, "other seeds than the rest") for code in without_seeds]
        drawn = {code: pair.drawn(self.metric, draws) for code, pair in languages.items()}
        averaged = [code for code in languages if code != ENGLISH] or list(languages)
        each = [self._difference(code, [languages[code]], [drawn[code]]) for code in languages]
        if not averaged:
            return [], problems
        mean = self._difference(
            MEAN, [languages[code] for code in averaged], [drawn[code] for code in averaged]
        )
        return [mean, *each], problems

    def _language(self, code: str) -> LanguagePair | str:
        """The scores of a language, or why they are not compared."""
        sides = (self.a, self.a_runs), (self.b, self.b_runs)
        scores = []
        for side, runs in sides:
            if code not in runs:
                return f"{side.name} has no test in this language"
            of_cells = example_scores(list(runs[code].values()), side.store)
            scores.append({one.seed: one for one in of_cells if one.metric == self.metric})
            if not scores[-1]:
                return f"{side.name} has no score yet"
        first, second = (
            side.run(runs[code][next(iter(of))])
            for (side, runs), of in zip(sides, scores, strict=True)
        )
        if problem := pairing_problem(first, second, self.metric):
            return problem
        if self.encoders[0] == self.encoders[1] and scores[0].keys() & scores[1].keys():
            common = sorted(scores[0].keys() & scores[1].keys())
            scores = [{seed: of[seed] for seed in common} for of in scores]
            trained = (
                [runs[code][seed].trained_by for seed in common]
                for runs in (self.a_runs, self.b_runs)
            )
            pair = LanguagePair(scores[0], scores[1], paired_seeds=True)
            return replace(pair, same_runs=next(trained) == next(trained) and pair.is_equal)
        return LanguagePair(scores[0], scores[1])

    def _difference(
        self, language: str, pairs: Sequence[LanguagePair], drawn: Sequence[tuple[Floats, Floats]]
    ) -> ScoreDifference:
        """The difference of means over languages that have the same seeds."""
        a, b = (
            float(np.mean([pair.values(self.metric)[side] for pair in pairs])) for side in (0, 1)
        )
        first, second = (np.mean([of[side] for of in drawn], axis=0) for side in (0, 1))
        paired = all(pair.paired_seeds for pair in pairs)
        if paired:
            draws = add_seed_variance(second - first)
        else:
            draws = add_seed_variance(second, "b") - add_seed_variance(first, "a")
        low, high = percentiles(draws)
        seeds = len(pairs[0].a), len(pairs[0].b)
        same = all(pair.same_runs for pair in pairs)
        tested = language == MEAN and min(seeds) > 1 and not same
        return ScoreDifference(
            encoder=self.encoder,
            target=self.target,
            metric=self.metric,
            intermediate=self.setting,
            language=language,
            a=a,
            b=b,
            difference=b - a,
            low=low,
            high=high,
            n=sum(len(pair.ids) for pair in pairs),
            a_n=sum(pair.sizes[0] for pair in pairs),
            b_n=sum(pair.sizes[1] for pair in pairs),
            a_seeds=seeds[0],
            b_seeds=seeds[1],
            languages=len(pairs),
            p=bootstrap_p(draws) if tested else NAN,
            same_runs=same,
        )

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
