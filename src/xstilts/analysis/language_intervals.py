"""Scores and gains in each language with 95 % intervals, for every setting.

The bootstrap over test examples and seeds of `gain_bootstrap`, one language at a time: the draws of
its examples are the same for all settings and seeds, and the variance between seeds is added
(`statistics.bootstrap.add_seed_variance`). With one seed an interval is over examples only. Draws
without a score are left out of a score's interval, and are no gain (`gain_bootstrap.no_gain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.analysis.gain_bootstrap import drawn_scores, no_gain
from xstilts.core.store import Store
from xstilts.metrics import METRICS
from xstilts.planning.compile import ResultCell
from xstilts.statistics.bootstrap import add_seed_variance, percentiles
from xstilts.statistics.estimate import NAN, Floats

DRAWS = 2_000
Runs = Mapping[str, Mapping[int, Floats]]
"""Setting → seed → [draws] scores, of one language."""


@dataclass(frozen=True)
class LanguageInterval:
    """The 95 % intervals of a score and of its gain, means over seeds between 0 and 1.

    Args:
        score_low, score_high: of the score; NaN if the metric has no value.
        gain_low, gain_high: of the gain over the baseline; NaN for the baseline itself, and where
            no seed has both.
        n: test examples of one seed.
    """

    encoder: str
    target: str
    language: str
    intermediate: str
    score_low: float
    score_high: float
    gain_low: float
    gain_high: float
    n: int
    seeds: int


def language_intervals(
    cells: Sequence[ResultCell], store: Store, baseline: str, draws: int = DRAWS
) -> Iterator[LanguageInterval]:
    """The intervals of all cells with a score, by the main metric of each target.

    Args:
        baseline: the setting that the gains are over.
    """
    by_target: dict[tuple[str, str], list[ResultCell]] = {}
    for cell in cells:
        by_target.setdefault((cell.encoder, cell.target), []).append(cell)
    for group in by_target.values():
        main = group[0].metrics[0]
        scores = [one for one in example_scores(group, store) if one.metric == main]
        yield from target_intervals(scores, baseline, draws)


def target_intervals(
    scores: Sequence[ExampleScores], baseline: str, draws: int = DRAWS
) -> Iterator[LanguageInterval]:
    """The intervals of one target and metric, language by language.

    Args:
        scores: of all runs; those of one language have the same examples.
    """
    by_language: dict[str, list[ExampleScores]] = {}
    for one in scores:
        by_language.setdefault(one.language, []).append(one)
    for runs in by_language.values():
        if runs[0].ids:
            yield from _intervals(runs, baseline, draws)


def _intervals(
    runs: Sequence[ExampleScores], baseline: str, draws: int
) -> Iterator[LanguageInterval]:
    """The intervals of one language."""
    first = runs[0]
    if any(one.ids != first.ids for one in runs):
        raise ValueError(f"{first.language}: the settings were tested on different examples")
    drawn: dict[str, dict[int, Floats]] = {}
    for one, values in zip(runs, _drawn(runs, draws).T, strict=True):
        drawn.setdefault(one.intermediate, {})[one.seed] = values
    lowest = METRICS.get(first.metric).lowest
    for setting, by_seed in drawn.items():
        yield LanguageInterval(
            first.encoder,
            first.target,
            first.language,
            setting,
            *_interval(list(by_seed.values()), lowest, 1.0),
            *_gain_interval(setting, baseline, drawn, _base(runs, setting, baseline), lowest),
            len(first.ids),
            len(by_seed),
        )


def _drawn(runs: Sequence[ExampleScores], draws: int) -> Floats:
    """[draws, runs] scores of the runs of one language."""
    tables = np.stack([one.statistics for one in runs])
    return drawn_scores(METRICS.get(runs[0].metric), runs[0].ids, tables, draws)


def _base(runs: Sequence[ExampleScores], setting: str, baseline: str) -> float:
    """The mean score of the baseline over the seeds that the setting has too; NaN without any."""
    seeds = {one.seed for one in runs if one.intermediate == setting}
    values = [
        float(METRICS.get(one.metric).value(one.statistics.sum(0)))
        for one in runs
        if one.intermediate == baseline and one.seed in seeds
    ]
    return sum(values) / len(values) if values else NAN


def _gain_interval(
    setting: str, baseline: str, drawn: Runs, base: float, lowest: float
) -> tuple[float, float]:
    """The interval of a gain, clipped to the gains that are possible from this baseline."""
    before, after = drawn.get(baseline, {}), drawn[setting]
    gains = [after[seed] - before[seed] for seed in after if seed in before]
    if setting == baseline or not gains or any(np.isnan(gain).all() for gain in gains):
        return NAN, NAN
    return _interval(list(map(no_gain, gains)), lowest - base, 1.0 - base)


def _interval(values: Sequence[Floats], least: float, most: float) -> tuple[float, float]:
    """The interval of a mean over seeds, from the draws in which every seed has a value.

    It is clipped to what is possible.
    """
    table = np.stack(values, axis=1)
    defined = table[~np.isnan(table).any(axis=1)]
    if not len(defined):
        return NAN, NAN
    low, high = np.clip(percentiles(add_seed_variance(defined)), least, most)
    return float(low), float(high)
