"""The 95 % intervals of a heat map as words and as the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

from xstilts.reports.heat_maps import HeatCell, HeatMap
from xstilts.reports.tables import points, range_text


@dataclass(frozen=True)
class LanguageRange:
    """A score and its gain in a language, with their intervals as texts; empty without one."""

    language: str
    code: str
    setting: str
    score: str
    score_range: str
    gain: str
    gain_range: str
    examples: int
    seeds: int


def language_ranges(heat_map: HeatMap) -> Iterator[LanguageRange]:
    """A row per language and setting that has an interval."""
    for spoken, cells in heat_map.rows:
        for setting, cell in zip(heat_map.settings, cells, strict=True):
            if cell.interval is None or isnan(cell.value):
                continue
            score_range, gain_range = _texts(heat_map.metric, cell)
            yield LanguageRange(
                spoken.name,
                spoken.code,
                setting,
                points(cell.value),
                score_range,
                "" if isnan(cell.gain) else points(cell.gain, signed=True),
                gain_range,
                cell.interval.n,
                cell.interval.seeds,
            )


def range_title(cell: HeatCell, metric: str) -> str:
    """The intervals of a cell in words, for its tooltip; empty if it has none."""
    score_range, gain_range = _texts(metric, cell)
    score = f"95 % interval {score_range}" if score_range else ""
    return f"{score}; of the gain {gain_range}" if gain_range else score


def _texts(metric: str, cell: HeatCell) -> tuple[str, str]:
    """The intervals of score and gain; empty where there is no number."""
    one = cell.interval
    if one is None or isnan(cell.value):
        return "", ""
    gain = "" if isnan(cell.gain) else range_text(metric, one.gain_low, one.gain_high)
    return range_text(metric, one.score_low, one.score_high, signed=False), gain
