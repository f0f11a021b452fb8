"""The gain table: means over languages and seeds with intervals, p values and Holm's correction.

The mean gain over languages other than English is the zero-shot gain. A target that is evaluated
in English alone has its gain in English, which is no transfer between languages. Interval and p
are those of `gain_bootstrap`; p is two-sided, 2 (1 + c) / (B + 1) with c the smaller count of draws
on either side of zero. One seed gives no p value, as its interval is over examples only. Holm
(1979) corrects for the number of settings and targets that are tested. Which rows have a gain and
a p value is decided in `exclusions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import System, bootstrap_gains, common_runs, systems_of
from xstilts.analysis.gains import ENGLISH, Gains
from xstilts.analysis.run_states import NO_STATES, RunState, States
from xstilts.metrics import METRICS
from xstilts.statistics.bootstrap import (
    DRAWS,
    add_seed_variance,
    bootstrap_p,
    draws_for,
    percentiles,
)
from xstilts.statistics.estimate import LEVEL, NAN, Floats
from xstilts.statistics.multiple_testing import holm


@dataclass(frozen=True)
class Gain:
    """One line of the gain table; scores and gains between 0 and 1.

    Args:
        score, baseline: means over seeds and the languages other than English; in English for a
            target without others.
        gain: their difference; `low` to `high` is its 95 % interval, clipped to the gains that
            are possible from this baseline.
        p, p_holm: against a gain of zero; NaN for a metric that is not the target's main one, and
            for a gain of one seed.
        main: whether the metric is the target's main one.
        significant: whether p_holm is below 0.05.
        english: gain in English, NaN where it is not tested.
        languages: how many the means are over.
        n: test examples in these languages, of one seed.
        states: of all runs of the setting and of the baseline; `PARTIAL` where scores of either
            are still missing.
        in_english: whether the target is evaluated in English alone.
        mixed_runs: in words, what the runs of the setting and the baseline were computed with, if
            it differs; see `mixed_runs.with_mixed_runs`.
    """

    encoder: str
    target: str
    metric: str
    intermediate: str
    main: bool = False
    baseline: float = NAN
    score: float = NAN
    gain: float = NAN
    low: float = NAN
    high: float = NAN
    p: float = NAN
    p_holm: float = NAN
    significant: bool = False
    english: float = NAN
    languages: int = 0
    seeds: int = 0
    n: int = 0
    states: States = NO_STATES
    in_english: bool = False
    mixed_runs: str = ""


def gain_table(
    frame: pd.DataFrame, gains: Gains, examples: Sequence[ExampleScores], draws: int = DRAWS
) -> pd.DataFrame:
    """`gain_rows` as a frame, see `gain_frame`."""
    return gain_frame(gain_rows(frame, gains, examples, draws))


def gain_frame(rows: Sequence[Gain]) -> pd.DataFrame:
    """The rows of a gain table as a frame, with the fields of `Gain` as columns."""
    columns = [column.name for column in fields(Gain)]
    values = [[getattr(row, name) for name in columns] for row in rows]
    kinds = dict.fromkeys(("main", "significant", "in_english"), bool)
    return pd.DataFrame(values, columns=columns).astype(kinds)


def gain_rows(
    frame: pd.DataFrame, gains: Gains, examples: Sequence[ExampleScores], draws: int = DRAWS
) -> list[Gain]:
    """A row per encoder, target, metric and intermediate setting of the results.

    Args:
        frame: see `results.results_frame`. A target without the baseline has no row.
        gains: of the same results.
        examples: of the same results; the baseline's are needed for a row to have a gain.
        draws: of the bootstrap; more if many gains are tested.
    """
    by_metric: dict[tuple[str, str, str], list[ExampleScores]] = {}
    for one in examples:
        by_metric.setdefault((one.encoder, one.target, one.metric), []).append(one)
    systems: dict[tuple[str, str], dict[str, Mapping[str, System]]] = {}
    tests = frame[["encoder", "target", "metric"]].drop_duplicates()
    for encoder, target, metric in tests.itertuples(index=False, name=None):
        of_metric = systems_of(by_metric.get((encoder, target, metric), ()))
        systems.setdefault((encoder, target), {})[metric] = of_metric
    rows: list[Gain] = []
    states = _states(frame)
    draws = draws_for(sum(len(known) - 1 for known in states.values()), draws)
    for (encoder, target), metrics in systems.items():
        known = states[encoder, target]
        if gains.baseline in known:
            blank = Gain(encoder, target, "", "")
            rows += _gains(blank, metrics, known, gains, draws)
    corrected = holm(np.array([row.p for row in rows], dtype=np.float64))
    return [
        replace(row, p_holm=float(p), significant=bool(p < LEVEL))
        for row, p in zip(rows, corrected, strict=True)
    ]


def _states(frame: pd.DataFrame) -> dict[tuple[str, str], dict[str, States]]:
    """(encoder, target) → setting → the states of all of its runs."""
    known: dict[tuple[str, str], dict[str, States]] = {}
    columns = frame[["encoder", "target", "intermediate", "states"]]
    for encoder, target, setting, states in columns.itertuples(index=False, name=None):
        settings = known.setdefault((encoder, target), {})
        settings[setting] = settings.get(setting, NO_STATES) | states
    return known


def _gains(
    blank: Gain,
    metrics: Mapping[str, Mapping[str, System]],
    states: Mapping[str, States],
    gains: Gains,
    draws: int,
) -> Iterator[Gain]:
    """The gain of every setting in every metric of one target, the main metric first."""
    settings = [name for name in states if name != gains.baseline]
    in_english = blank.target in gains.english_only
    excluded = {name: gains.by_key.get((blank.encoder, name, blank.target)) for name in settings}
    usable = {
        metric: {
            name: system
            for name, system in systems.items()
            if name == gains.baseline or (why := excluded[name]) is None or why.has_gain
        }
        for metric, systems in metrics.items()
    }
    compared = {metric: runs for metric, runs in usable.items() if gains.baseline in runs}
    drawn = bootstrap_gains(compared, draws, baseline=gains.baseline, in_english=in_english)
    main = next(iter(metrics))
    for metric, systems in usable.items():
        of_metric = replace(blank, metric=metric, main=metric == main, in_english=in_english)
        for name in settings:
            why = excluded[name]
            partial = {RunState.PARTIAL} if why is not None and why.is_partial else set()
            held = states[name] | states[gains.baseline] | partial
            gain = replace(of_metric, intermediate=name, states=held)
            if name in drawn.get(metric, {}):
                runs = drawn[metric][name]
                pair = systems[name], systems[gains.baseline]
                gain = _compared(gain, *pair, runs)
            yield gain


def _compared(gain: Gain, system: System, baseline: System, runs: Floats) -> Gain:
    drawn = add_seed_variance(runs)
    codes, seeds = common_runs(system, baseline)
    averaged = [code for code in codes if gain.in_english or code != ENGLISH]
    scores, base = (_values(one, gain.metric, averaged, seeds) for one in (system, baseline))
    lowest = METRICS.get(gain.metric).lowest
    low, high = np.clip(percentiles(drawn), lowest - base.mean(), 1.0 - base.mean())
    english = float("nan")
    if ENGLISH in codes:
        pair = (_values(one, gain.metric, [ENGLISH], seeds) for one in (system, baseline))
        english = float(next(pair).mean() - next(pair).mean())
    first = [system[code, seeds[0]] for code in averaged]
    tested = gain.main and RunState.PARTIAL not in gain.states and len(seeds) > 1
    return replace(
        gain,
        baseline=float(base.mean()),
        score=float(scores.mean()),
        gain=float((scores - base).mean()),
        low=float(low),
        high=float(high),
        p=bootstrap_p(drawn) if tested else NAN,
        english=english,
        languages=len(averaged),
        seeds=len(seeds),
        n=sum(len(one.ids) for one in first),
    )


def _values(system: System, metric: str, languages: Sequence[str], seeds: Sequence[int]) -> Floats:
    """[languages, seeds] scores."""
    value = METRICS.get(metric).value
    return np.array(
        [
            [float(value(system[code, seed].statistics.sum(0))) for seed in seeds]
            for code in languages
        ]
    )
