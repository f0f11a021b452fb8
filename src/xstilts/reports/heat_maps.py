"""Heat maps: each target's languages by setting, with scores and gains, on one colour scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan

import pandas as pd

from xstilts.analysis.gains import ENGLISH, Gains, language_gains, language_scores
from xstilts.analysis.language_intervals import LanguageInterval
from xstilts.analysis.run_states import RunState, all_states, states_text
from xstilts.languages import Language, language
from xstilts.metrics import METRICS
from xstilts.statistics.estimate import NAN

CellId = tuple[str, str]
"""Language code and intermediate setting."""
GROUPED_BY = ("script", "family")
"""Attributes of languages by which their means are shown."""


@dataclass(frozen=True)
class HeatCell:
    """One number of a heat map.

    Args:
        value, gain: means over seeds, between 0 and 1; NaN if missing.
        side: `up` or `down`, the sign of the gain, else empty.
        strength: colour strength, 0 to 1.
        note: states of the runs; of a mean, over how many of its languages it is, if not over all.
        keys: seed, score and score stage of each run.
        interval: of value and gain, None if there is none.
    """

    value: float
    gain: float
    side: str
    strength: float
    note: str = ""
    keys: tuple[tuple[int, float, str], ...] = ()
    interval: LanguageInterval | None = None


HeatLine = tuple[Language, tuple[HeatCell, ...]]


@dataclass(frozen=True)
class HeatMean:
    """The means over some languages, all of them other than English: a cell per setting."""

    name: str
    languages: tuple[str, ...]
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True)
class HeatMap:
    """One target: a row per language, a cell per setting, the baseline first.

    Args:
        means: over all languages other than English.
        groups: kind (script, family) → the means over each group of languages of that kind.
        largest: gain with the full colour.
    """

    target: str
    metric: str
    title: str
    settings: tuple[str, ...]
    rows: tuple[HeatLine, ...]
    means: tuple[HeatMean, ...]
    groups: dict[str, tuple[HeatMean, ...]]
    largest: float


def heat_maps(
    results: pd.DataFrame,
    gains: Gains,
    metrics: Mapping[str, str],
    intervals: Iterable[LanguageInterval] = (),
) -> Iterator[HeatMap]:
    """One heat map per target, in the order of the results.

    Args:
        results: see `analysis.results.results_frame`, of one encoder.
        gains: of the same results.
        metrics: target → its main metric.
        intervals: of the same results.
    """
    by_target: dict[str, dict[CellId, LanguageInterval]] = {}
    for one in intervals:
        by_target.setdefault(one.target, {})[one.language, one.intermediate] = one
    all_gains = language_gains(gains)
    largest = float(all_gains["gain"].abs().max()) if len(all_gains) else 0.0
    for target, rows in results.groupby("target", sort=False):
        name = str(target)
        metric = metrics[name]
        here = all_gains[all_gains["target"] == name]
        settings = sorted(
            dict.fromkeys(rows["intermediate"]), key=lambda one: one != gains.baseline
        )
        yield _heat_map(
            name,
            metric,
            tuple(settings),
            rows[rows["metric"] == metric],
            here,
            by_target.get(name, {}),
            largest,
        )


def _heat_map(
    target: str,
    metric: str,
    settings: tuple[str, ...],
    rows: pd.DataFrame,
    gains: pd.DataFrame,
    intervals: Mapping[CellId, LanguageInterval],
    largest: float,
) -> HeatMap:
    scores, gain_of = _by_cell(language_scores(rows), "value"), _by_cell(gains, "gain")
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
                    intervals.get((code, name)),
                )
                for name in settings
            ),
        )
        for code in dict.fromkeys(rows["language"])
    ]
    lines.sort(key=lambda line: _order(line[0]))
    others = [line for line in lines if line[0].code != ENGLISH]
    groups = {kind: _groups(others, kind, largest) for kind in GROUPED_BY if len(others) > 1}
    means = (_mean("mean without English", others, largest),) if len(others) > 1 else ()
    title = METRICS.get(metric).title
    return HeatMap(target, metric, title, settings, tuple(lines), means, groups, largest)


def _groups(lines: Sequence[HeatLine], kind: str, largest: float) -> tuple[HeatMean, ...]:
    """The means over each group of languages, the largest group first."""
    groups: dict[str, list[HeatLine]] = {}
    for line in lines:
        groups.setdefault(getattr(line[0], kind), []).append(line)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(_mean(name, members, largest) for name, members in ordered)


def _mean(name: str, lines: Sequence[HeatLine], largest: float) -> HeatMean:
    """The means of some languages; of a setting, over those that it has a score for."""
    columns = zip(*(cells for _, cells in lines), strict=True)
    cells = tuple(
        replace(
            _coloured(
                _mean_of(cell.value for cell in column),
                _mean_of(cell.gain for cell in column),
                largest,
            ),
            note=_coverage(column),
        )
        for column in map(tuple, columns)
    )
    return HeatMean(name, tuple(spoken.code for spoken, _ in lines), cells)


def _coverage(column: Sequence[HeatCell]) -> str:
    """Over how many languages a score and a gain are; empty if over all, or over none."""
    scored = sum(not isnan(cell.value) for cell in column)
    gained = sum(not isnan(cell.gain) for cell in column)
    parts = [("", scored)] if 0 < scored < len(column) else []
    parts += [("gain: ", gained)] if 0 < gained < scored else []
    return ", ".join(f"{name}{count} of {len(column)} languages" for name, count in parts)


def _mean_of(values: Iterable[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return sum(known) / len(known) if known else NAN


def _order(spoken: Language) -> tuple[bool, str, str, str]:
    """English first, then by family."""
    return spoken.code != ENGLISH, spoken.family, spoken.genus, spoken.code


def _by_cell(table: pd.DataFrame, column: str) -> dict[CellId, float]:
    columns = table["language"], table["intermediate"], table[column]
    return {(code, setting): float(value) for code, setting, value in zip(*columns, strict=True)}


def _cell(
    value: float,
    gain: float,
    largest: float,
    runs: pd.DataFrame | None,
    interval: LanguageInterval | None,
) -> HeatCell:
    cell = _coloured(value, gain, largest)
    if runs is None:
        return cell
    note = states_text(all_states(runs["states"]) - {RunState.SAME_DATA})
    keys = tuple(zip(runs["seed"], runs["value"], runs["key"], strict=True))
    return replace(cell, note=note, keys=keys, interval=interval)


def _coloured(value: float, gain: float, largest: float) -> HeatCell:
    """A number in the colour of its gain."""
    side = "" if isnan(gain) or gain == 0 else "up" if gain > 0 else "down"
    return HeatCell(value, gain, side, round(abs(gain) / largest, 3) if side else 0.0)
