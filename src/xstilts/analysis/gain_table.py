"""Is the gain real? Paired bootstrap over test examples and seeds, and Holm's correction.

A gain is the score with an intermediate setting minus the score of the baseline, for the same
target, language and seed; its mean over languages other than English is the zero-shot gain.

The bootstrap (Efron & Tibshirani 1993) draws test examples with replacement, the same ones for
both systems (paired, as Koehn 2004 does). Seeds stand for other seeds, and what they add to the
draws has Student's t distribution (`statistics.bootstrap.add_seed_variance`). Languages are not
drawn: the gain is about these languages. The p value is two-sided, 2 (1 + c) / (B + 1) with c the
smaller count of draws on either side of zero. Holm (1979) corrects for having looked at several
settings and targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import ENGLISH
from xstilts.analysis.run_states import FAILED, NO_STATES, RunState, States
from xstilts.config.intermediate import BASELINE
from xstilts.metrics import METRICS
from xstilts.statistics.bootstrap import (
    DRAWS,
    add_seed_variance,
    bootstrap_p,
    example_weights,
    percentiles,
)
from xstilts.statistics.estimate import LEVEL, Floats
from xstilts.statistics.multiple_testing import holm

Group = tuple[str, str, str]
Expected = Mapping[Group, frozenset[tuple[str, int]]]
"""(encoder, target, setting) → the (language, seed) pairs that its experiment has."""
System = Mapping[tuple[str, int], ExampleScores]
"""The outcomes of one setting for one target and metric, by language and seed."""


@dataclass(frozen=True)
class Gain:
    """One line of the gain table; scores and gains between 0 and 1.

    Args:
        score, baseline: means over the languages other than English and over seeds.
        gain: their difference; `low` to `high` is its 95 % interval.
        p, p_holm: against a gain of zero; NaN for a metric that is not the target's main one.
        main: whether the metric is the target's main one.
        significant: whether p_holm is below 0.05.
        english: gain in English, NaN where it is not tested.
        n: test examples in all languages but English, of one seed.
        states: of all runs of the setting and of the baseline; `PARTIAL` where scores of either
            are still missing.
    """

    encoder: str
    target: str
    metric: str
    intermediate: str
    main: bool = False
    baseline: float = float("nan")
    score: float = float("nan")
    gain: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")
    p_holm: float = float("nan")
    significant: bool = False
    english: float = float("nan")
    languages: int = 0
    seeds: int = 0
    n: int = 0
    states: States = NO_STATES


def gain_table(
    outcomes: Sequence[ExampleScores], frame: pd.DataFrame, expected: Expected, draws: int = DRAWS
) -> pd.DataFrame:
    """A row per encoder, target, metric and intermediate setting; see `Gain` for the columns.

    Args:
        outcomes: of finished cells; the baseline's are needed for a row to have a gain.
        frame: the results of the same cells, for notes on diverged and collapsed runs.
        expected: which languages and seeds make a setting complete.

    A setting with a diverged or collapsed run has no gain: its other seeds would be a choice.
    One with scores missing has a gain but no p value: it may not be the gain in the end.
    """
    groups: dict[Group, dict[str, dict[tuple[str, int], ExampleScores]]] = {
        (encoder, target, metric): {}
        for encoder, target, metric in zip(
            frame["encoder"], frame["target"], frame["metric"], strict=True
        )
    }
    for one in outcomes:
        systems = groups[one.encoder, one.target, one.metric]
        systems.setdefault(one.intermediate, {})[one.language, one.seed] = one
    rows: list[dict[str, object]] = []
    for (encoder, target, metric), systems in groups.items():
        here = frame[(frame["encoder"] == encoder) & (frame["target"] == target)]
        main = here["metric"].iloc[0] == metric
        blank = Gain(encoder, target, metric, "", main)
        rows += [asdict(gain) for gain in _gains(blank, systems, here, expected, draws)]
    table = pd.DataFrame(rows, columns=[column.name for column in fields(Gain)])
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    table["significant"] = table["p_holm"] < LEVEL
    return table.astype({"main": bool, "significant": bool})


def _gains(
    blank: Gain,
    systems: Mapping[str, System],
    frame: pd.DataFrame,
    expected: Expected,
    draws: int,
) -> Iterator[Gain]:
    """The gain of every setting in the frame, in its order."""
    states: dict[str, States] = {}
    for name, held in zip(frame["intermediate"], frame["states"], strict=True):
        states[name] = states.get(name, NO_STATES) | held
    if BASELINE not in states:
        return
    for name, held in states.items():
        wanted = expected.get((blank.encoder, blank.target, name), frozenset())
        if not wanted <= systems.get(name, {}).keys() and not FAILED & held:
            states[name] = held | {RunState.PARTIAL}
    usable = {name: system for name, system in systems.items() if not FAILED & states[name]}
    drawn = bootstrap_gains(blank.metric, usable, draws) if BASELINE in usable else {}
    for name, held in states.items():
        if name == BASELINE:
            continue
        gain = replace(blank, intermediate=name, states=held | states[BASELINE])
        if name in drawn:
            gain = _compared(gain, usable[name], usable[BASELINE], drawn[name])
        yield gain


def _compared(gain: Gain, system: System, baseline: System, runs: Floats) -> Gain:
    drawn = add_seed_variance(runs)
    codes, seeds = common_runs(system, baseline)
    foreign = [code for code in codes if code != ENGLISH]
    ours, theirs = (_values(one, gain.metric, foreign, seeds) for one in (system, baseline))
    low, high = percentiles(drawn)
    english = float("nan")
    if ENGLISH in codes:
        pair = (_values(one, gain.metric, [ENGLISH], seeds) for one in (system, baseline))
        english = float(next(pair).mean() - next(pair).mean())
    first = [system[code, seeds[0]] for code in foreign]
    return replace(
        gain,
        baseline=float(theirs.mean()),
        score=float(ours.mean()),
        gain=float((ours - theirs).mean()),
        low=low,
        high=high,
        p=bootstrap_p(drawn) if gain.main and RunState.PARTIAL not in gain.states else float("nan"),
        english=english,
        languages=len(foreign),
        seeds=len(seeds),
        n=sum(len(one.ids) for one in first),
    )


def common_runs(system: System, baseline: System) -> tuple[list[str], list[int]]:
    """The languages that both have for all of the seeds that both have."""
    both = system.keys() & baseline.keys()
    seeds = sorted({seed for _, seed in both})
    codes = sorted({code for code, _ in both})
    return [code for code in codes if all((code, seed) in both for seed in seeds)], seeds


def _values(system: System, metric: str, languages: Sequence[str], seeds: Sequence[int]) -> Floats:
    """[languages, seeds] scores."""
    value = METRICS.get(metric).value
    return np.array(
        [
            [float(value(system[code, seed].statistics.sum(0))) for seed in seeds]
            for code in languages
        ]
    )


def bootstrap_gains(metric: str, systems: Mapping[str, System], draws: int) -> dict[str, Floats]:
    """Setting → [draws, seeds] its mean gain over languages in each draw of the examples.

    Args:
        systems: of one target, the baseline among them; draws of several targets with the same
            ids are alike, so that they may be averaged draw by draw and seed by seed before
            `add_seed_variance`.
    """
    baseline = systems[BASELINE]
    others = {name: system for name, system in systems.items() if name != BASELINE}
    common = {name: common_runs(system, baseline) for name, system in others.items()}
    total = {name: np.zeros((draws, len(seeds))) for name, (_, seeds) in common.items()}
    for code in sorted({code for codes, _ in common.values() for code in codes} - {ENGLISH}):
        for block, weights in example_weights(_ids(code, systems), draws):
            scores = _scores(metric, code, systems, weights)
            for name, (codes, seeds) in common.items():
                for place, seed in enumerate(seeds if code in codes else ()):
                    difference = scores[name, seed] - scores[BASELINE, seed]
                    total[name][block, place] += np.nan_to_num(difference)
    counts = {name: len(set(codes) - {ENGLISH}) for name, (codes, _) in common.items()}
    return {name: sums / counts[name] for name, sums in total.items() if counts[name]}


def _ids(code: str, systems: Mapping[str, System]) -> tuple[str, ...]:
    """The test examples of a language, which must be the same for all systems."""
    found = {
        one.ids for system in systems.values() for (at, _), one in system.items() if at == code
    }
    if len(found) != 1:
        raise ValueError(f"{code}: the settings were tested on different examples")
    return next(iter(found))


def _scores(
    metric: str, code: str, systems: Mapping[str, System], weights: Floats
) -> dict[tuple[str, int], Floats]:
    """(setting, seed) → [block] scores of one language in some draws."""
    value, known = METRICS.get(metric).value, dict[int, Floats]()
    found = {}
    for name, system in systems.items():
        for (at, seed), one in system.items():
            if at == code:
                table = one.statistics  # one and the same for all seeds of an untrained encoder
                if id(table) not in known:
                    known[id(table)] = value(weights @ table)
                found[name, seed] = known[id(table)]
    return found
