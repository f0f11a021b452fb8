"""Heat maps: each target's languages by setting, with scores and gains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan

import pandas as pd

from xstilts.analysis.gains import ENGLISH, Gains, language_gains, language_scores
from xstilts.analysis.run_states import RunState, all_states, states_text
from xstilts.languages import Language, language
from xstilts.metrics import METRICS
from xstilts.statistics.estimate import NAN

CellId = tuple[str, str]
"""Language code and intermediate setting."""


@dataclass(frozen=True)
class HeatCell:
    """One number of a heat map.

    Args:
        value, gain: means over seeds, between 0 and 1; NaN if missing.
        side: `up` or `down`, the sign of the gain, else empty.
        strength: colour strength, 0 to 1.
        note: states of the runs.
        keys: seed, score and score stage of each run.
    """

    value: float
    gain: float
    side: str
    strength: float
    note: str
    keys: tuple[tuple[int, float, str], ...]


@dataclass(frozen=True)
class HeatMap:
    """One target: a row per language, a cell per setting, the baseline first."""

    target: str
    metric: str
    title: str
    settings: tuple[str, ...]
    rows: tuple[tuple[Language, tuple[HeatCell, ...]], ...]


def heat_maps(results: pd.DataFrame, gains: Gains, metrics: Mapping[str, str]) -> Iterator[HeatMap]:
    """One heat map per target, in the order of the results.

    Args:
        results: see `analysis.results.results_frame`, of one encoder.
        gains: of the same results.
        metrics: target → its main metric.
    """
    all_gains = language_gains(gains)
    for target, rows in results.groupby("target", sort=False):
        name = str(target)
        metric = metrics[name]
        here = all_gains[all_gains["target"] == name]
        settings = sorted(
            dict.fromkeys(rows["intermediate"]), key=lambda one: one != gains.baseline
        )
        yield _heat_map(name, metric, tuple(settings), rows[rows["metric"] == metric], here)


def _heat_map(
    target: str, metric: str, settings: tuple[str, ...], rows: pd.DataFrame, gains: pd.DataFrame
) -> HeatMap:
    scores, gain_of = _by_cell(language_scores(rows), "value"), _by_cell(gains, "gain")
    largest = max((abs(gain) for gain in gain_of.values()), default=0.0) or 1.0
    runs = dict(iter(rows.groupby(["language", "intermediate"])))
    lines = [
        (
            language(code),
            tuple(
                _cell(
                    scores.get((code, name), NAN),
                    gain_of.get((code, name), NAN),
                    largest,
                    runs.get((code, name)),
                )
                for name in settings
            ),
        )
        for code in dict.fromkeys(rows["language"])
    ]
    lines.sort(key=lambda line: _order(line[0]))
    return HeatMap(target, metric, METRICS.get(metric).title, settings, tuple(lines))


def _order(spoken: Language) -> tuple[bool, str, str, str]:
    """English first, then by family."""
    return spoken.code != ENGLISH, spoken.family, spoken.genus, spoken.code


def _by_cell(table: pd.DataFrame, column: str) -> dict[CellId, float]:
    columns = table["language"], table["intermediate"], table[column]
    return {(code, setting): float(value) for code, setting, value in zip(*columns, strict=True)}


def _cell(value: float, gain: float, largest: float, runs: pd.DataFrame | None) -> HeatCell:
    side = "" if isnan(gain) or gain == 0 else "up" if gain > 0 else "down"
    strength = round(abs(gain) / largest, 3) if side else 0.0
    if runs is None:
        return HeatCell(value, gain, side, strength, "", ())
    note = states_text(all_states(runs["states"]) - {RunState.SAME_DATA})
    keys = tuple(zip(runs["seed"], runs["value"], runs["key"], strict=True))
    return HeatCell(value, gain, side, strength, note, keys)
