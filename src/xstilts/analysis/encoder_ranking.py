"""Encoders ranked on each target by the same setting, or each by its best one.

An encoder's score is the mean over its seeds and the languages other than English (English, where
a target has no other) that all ranked encoders have. The 95 % interval of a difference and its p
value are those of `encoder_bootstrap`; Holm (1979) corrects p for all pairs of encoders on all
targets of a ranking, so that the best encoder need not be known in advance. Encoders share a rank
unless p is below 0.05, see `statistics.tied_ranks`. With one seed nothing is tested: the ranks are
the order of the scores; nor is anything tested on a target where scores of a ranked encoder are
missing. An encoder with a run that diverged or collapsed has no rank on the target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from xstilts.analysis.encoder_bootstrap import bootstrap_scores
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import System
from xstilts.analysis.gains import ENGLISH
from xstilts.analysis.results import expected
from xstilts.analysis.run_states import FAILED, NO_STATES, RunState, States
from xstilts.metrics import METRICS
from xstilts.planning.compile import ResultCell
from xstilts.statistics.bootstrap import DRAWS, bootstrap_p, draws_for, percentiles
from xstilts.statistics.estimate import LEVEL, NAN, Floats
from xstilts.statistics.multiple_testing import holm
from xstilts.statistics.tied_ranks import tied_ranks

Choices = Mapping[tuple[str, str], str]
"""(encoder, target) → the intermediate setting that is ranked there."""


@dataclass(frozen=True)
class RankedEncoder:
    """One encoder on one target; scores between 0 and 1, correlations between -1 and 1.

    Args:
        ranking: the intermediate setting of all encoders, or `best per target`: each encoder has
            the setting with its best dev score.
        intermediate: the setting of this encoder.
        score: mean over languages and seeds; `low` to `high` is its 95 % interval.
        difference: from the best encoder's score; 0 for the best encoder itself, which has no
            interval and no p value.
        p, p_holm: against no difference from the best encoder; NaN unless the target is tested.
        rank: 1 is the best; ties have the mean of their ranks; NaN where a run failed, or if no
            other encoder has a score.
        mean_rank: over the targets on which every encoder has a rank; NaN if there are none.
        targets: how many these are.
        tested: whether the ranks of this target use significance: no encoder has one seed, and
            the target is not partial.
        partial: whether scores of an encoder with a rank on this target are still missing.
        languages, seeds, n: numbers behind the score; `n` counts test examples of one seed.
        states: of the encoder's runs; `PARTIAL` where scores are missing.
        mixed_runs: in words, what the runs of the encoders with a score on this target were
            computed with, if it differs.
    """

    ranking: str
    target: str
    metric: str
    encoder: str
    intermediate: str
    score: float = NAN
    low: float = NAN
    high: float = NAN
    difference: float = NAN
    difference_low: float = NAN
    difference_high: float = NAN
    p: float = NAN
    p_holm: float = NAN
    rank: float = NAN
    mean_rank: float = NAN
    targets: int = 0
    tested: bool = False
    partial: bool = False
    languages: int = 0
    seeds: int = 0
    n: int = 0
    states: States = NO_STATES
    mixed_runs: str = ""


def ranking_table(rows: Sequence[RankedEncoder]) -> pd.DataFrame:
    """The rows as a frame, with the fields of `RankedEncoder` as columns."""
    columns = [column.name for column in fields(RankedEncoder)]
    values = [[getattr(row, name) for name in columns] for row in rows]
    return pd.DataFrame(values, columns=columns).astype({"tested": bool, "partial": bool})


def rank_encoders(
    frame: pd.DataFrame,
    cells: Sequence[ResultCell],
    examples: Sequence[ExampleScores],
    rankings: Mapping[str, Choices],
    draws: int = DRAWS,
    streams: Mapping[str, str] | None = None,
) -> list[RankedEncoder]:
    """Rank the encoders of an experiment, the best of each target first.

    Args:
        frame: see `results.results_frame`, of these cells.
        examples: the example scores of these cells.
        rankings: name of each ranking → what is ranked in it.
        draws: of the bootstrap; more if many pairs are tested.
        streams: see `bootstrap_scores`.
    """
    states = _states(frame, cells)
    systems: dict[tuple[str, str, str, str], dict[tuple[str, int], ExampleScores]] = {}
    for one in examples:
        group = one.encoder, one.target, one.intermediate, one.metric
        systems.setdefault(group, {})[one.language, one.seed] = one
    metrics = {cell.target: cell.metrics[0] for cell in cells}
    rows: list[RankedEncoder] = []
    for ranking, choices in rankings.items():
        comparisons, enough = [], draws_for(_pairs(choices), draws)
        for target, metric in metrics.items():
            entrants = [
                (
                    RankedEncoder(
                        ranking, target, metric, encoder, setting,
                        states=states.get((encoder, target, setting), NO_STATES),
                    ),
                    systems.get((encoder, target, setting, metric), {}),
                )
                for (encoder, of_target), setting in choices.items()
                if of_target == target
            ]  # fmt: skip
            if len(entrants) > 1:
                comparisons.append(_compare(entrants, enough, streams))
        rows += _with_mean_ranks([row for one in _ranked(comparisons) for row in one])
    return rows


def _pairs(choices: Choices) -> int:
    """Number of pairs of encoders on all targets."""
    return sum(comb(count, 2) for count in Counter(target for _, target in choices).values())


@dataclass(frozen=True)
class _Comparison:
    """The encoders on one target, the best first.

    Args:
        rows: those with a score.
        unranked: those without one, or with a failed run.
        p: (better, worse) indices of `rows` → p value; empty if nothing is tested.
    """

    rows: tuple[RankedEncoder, ...]
    unranked: tuple[RankedEncoder, ...]
    p: Mapping[tuple[int, int], float]


def _compare(
    entrants: Sequence[tuple[RankedEncoder, System]],
    draws: int,
    streams: Mapping[str, str] | None,
) -> _Comparison:
    usable = {row.encoder: (row, one) for row, one in entrants if one and not FAILED & row.states}
    systems = {name: system for name, (_, system) in usable.items()}
    languages = _common_languages(list(systems.values()))
    metric = entrants[0][0].metric
    scores = {name: _mean_score(one, metric, languages) for name, one in systems.items()}
    scores = {name: score for name, score in scores.items() if not np.isnan(score)}
    systems = {name: systems[name] for name in scores}
    if not scores:
        return _Comparison((), tuple(row for row, _ in entrants), {})
    drawn = bootstrap_scores(systems, metric, languages, draws, streams)
    seeds = {name: len({seed for _, seed in system}) for name, system in systems.items()}
    incomplete = [name for name in scores if RunState.PARTIAL in usable[name][0].states]
    partial = len(scores) > 1 and bool(incomplete)
    tested = min(seeds.values()) > 1 and not partial
    rows = []
    lowest = METRICS.get(metric).lowest
    for name, system in systems.items():
        low, high = np.clip(percentiles(drawn[name]), lowest, 1.0)
        first = {language: len(one.ids) for (language, _), one in system.items()}
        rows.append(
            replace(
                usable[name][0],
                score=scores[name],
                low=float(low),
                high=float(high),
                tested=tested,
                partial=partial,
                languages=len(languages),
                seeds=seeds[name],
                n=sum(first[code] for code in languages),
            )
        )
    rows.sort(key=lambda row: -row.score)
    best = rows[0]
    rows = [best, *(_against(row, best, drawn) for row in rows[1:])]
    unranked = tuple(row for row, _ in entrants if row.encoder not in scores)
    p = {
        (better, worse): bootstrap_p(drawn[rows[worse].encoder] - drawn[rows[better].encoder])
        for better, worse in combinations(range(len(rows)), 2)
    }
    return _Comparison((replace(best, difference=0.0), *rows[1:]), unranked, p if tested else {})


def _against(row: RankedEncoder, best: RankedEncoder, drawn: Mapping[str, Floats]) -> RankedEncoder:
    """The row with its difference from the best encoder."""
    largest = 1.0 - METRICS.get(row.metric).lowest
    draws = drawn[row.encoder] - drawn[best.encoder]
    low, high = np.clip(percentiles(draws), -largest, largest)
    return replace(
        row,
        difference=row.score - best.score,
        difference_low=float(low),
        difference_high=float(high),
    )


def _ranked(comparisons: Sequence[_Comparison]) -> Iterator[list[RankedEncoder]]:
    """The rows of each target with corrected p values and ranks."""
    tests = [(index, pair) for index, one in enumerate(comparisons) for pair in one.p]
    p = np.array([comparisons[index].p[pair] for index, pair in tests], dtype=np.float64)
    corrected = dict(zip(tests, map(float, holm(p)), strict=True))
    for index, one in enumerate(comparisons):
        pairs = {pair: corrected[index, pair] for pair in one.p}

        def differs(
            better: int,
            worse: int,
            pairs: Mapping[tuple[int, int], float] = pairs,
            tested: bool = bool(one.p),
        ) -> bool:
            return pairs[better, worse] < LEVEL if tested else True

        alone = len(one.rows) < 2
        ranks = (
            [NAN] * len(one.rows) if alone else tied_ranks([row.score for row in one.rows], differs)
        )
        ranked = [
            replace(
                row,
                rank=float(rank),
                p=one.p.get((0, place), NAN),
                p_holm=pairs.get((0, place), NAN),
            )
            for place, (row, rank) in enumerate(zip(one.rows, ranks, strict=True))
        ]
        yield [*ranked, *one.unranked]


def _with_mean_ranks(rows: Sequence[RankedEncoder]) -> list[RankedEncoder]:
    """The rows of one ranking with each encoder's mean rank over the targets that all have."""
    encoders = {row.encoder for row in rows}
    ranks: dict[str, dict[str, float]] = {}
    for row in rows:
        if not np.isnan(row.rank):
            ranks.setdefault(row.target, {})[row.encoder] = row.rank
    common = [of_target for of_target in ranks.values() if of_target.keys() == encoders]
    return [
        replace(
            row,
            mean_rank=float(np.mean([one[row.encoder] for one in common])) if common else NAN,
            targets=len(common),
        )
        for row in rows
    ]


def _common_languages(systems: Sequence[System]) -> list[str]:
    """Languages that all encoders have for all of their seeds; English if there is no other."""
    complete = []
    for system in systems:
        seeds = {seed for _, seed in system}
        codes = {code for code, _ in system}
        complete.append({c for c in codes if all((c, seed) in system for seed in seeds)})
    common = set.intersection(*complete) if complete else set()
    every = {code for system in systems for code, _ in system}
    return sorted(common - {ENGLISH}) if every - {ENGLISH} else sorted(common)


def _mean_score(system: System, metric: str, languages: Sequence[str]) -> float:
    value = METRICS.get(metric).value
    seeds = sorted({seed for _, seed in system})
    scores = [
        float(value(system[code, seed].statistics.sum(0))) for code in languages for seed in seeds
    ]
    return float(np.mean(scores)) if scores else NAN


def _states(frame: pd.DataFrame, cells: Sequence[ResultCell]) -> dict[tuple[str, str, str], States]:
    """(encoder, target, setting) → the states of its runs, and whether scores are missing."""
    known: dict[tuple[str, str, str], States] = {}
    there: dict[tuple[str, str, str], set[tuple[str, int]]] = {}
    columns = ["encoder", "target", "intermediate", "language", "seed", "states"]
    for encoder, target, setting, language, seed, states in frame[columns].itertuples(index=False):
        group = encoder, target, setting
        known[group] = known.get(group, NO_STATES) | states
        there.setdefault(group, set()).add((language, seed))
    for group, runs in expected(cells).items():
        held = known.get(group, NO_STATES)
        if runs - there.get(group, set()) and not FAILED & held:
            known[group] = held | {RunState.PARTIAL}
    return known
