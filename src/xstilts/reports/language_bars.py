"""Small multiples: for each target and setting, the gain in every language, sorted, on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan

from xstilts.languages import Language
from xstilts.reports.heat_maps import HeatCell, HeatMap
from xstilts.reports.tables import covers_half, points, range_text

HALF = 48.0
"""Percent of the width from zero, in the middle, to the largest gain or end of an interval."""


@dataclass(frozen=True)
class LanguageBar:
    """The gain in a language; positions in percent of the width.

    Args:
        side: `up` or `down`, the sign of the gain; empty at zero.
        low, high: the ends of its interval; None without one, and for one that is too wide.
        interval: as text.
    """

    code: str
    name: str
    gain: str
    side: str
    start: float
    width: float
    low: float | None = None
    high: float | None = None
    interval: str = ""

    @property
    def title(self) -> str:
        """The gain and its interval in words."""
        words = f"{self.name}: {self.gain} points"
        return f"{words}, 95 % interval {self.interval}" if self.interval else words


@dataclass(frozen=True)
class LanguageBars:
    """The gains of a setting on a target, the largest first."""

    target: str
    setting: str
    bars: tuple[LanguageBar, ...]


def language_bars(maps: Sequence[HeatMap]) -> list[LanguageBars]:
    """One figure per target and setting that has gains in two languages or more.

    All have one axis, which holds every gain and every interval that is not too wide.
    """
    extent = axis_extent(maps)
    figures = (figure for heat_map in maps for figure in _figures(heat_map, extent))
    return [figure for figure in figures if len(figure.bars) > 1]


def axis_extent(maps: Iterable[HeatMap]) -> float:
    """The largest distance from zero that is drawn, as a difference of scores from 0 to 1."""
    ends = [0.0]
    for heat_map in maps:
        for _, cells in heat_map.rows:
            for cell in cells:
                if not isnan(cell.gain):
                    ends += [cell.gain, *(_interval(heat_map.metric, cell) or ())]
    return max(map(abs, ends))


def _interval(metric: str, cell: HeatCell) -> tuple[float, float] | None:
    """The interval of a gain; None without one, or if it is too wide."""
    one = cell.interval
    if one is None or isnan(one.gain_low) or covers_half(metric, one.gain_low, one.gain_high):
        return None
    return one.gain_low, one.gain_high


def _figures(heat_map: HeatMap, extent: float) -> Iterator[LanguageBars]:
    for column, setting in enumerate(heat_map.settings):
        gains = [
            (spoken, cells[column])
            for spoken, cells in heat_map.rows
            if not isnan(cells[column].gain)
        ]
        gains.sort(key=lambda row: (-row[1].gain, row[0].code))
        bars = tuple(_bar(heat_map.metric, spoken, cell, extent) for spoken, cell in gains)
        yield LanguageBars(heat_map.target, setting, bars)


def _bar(metric: str, spoken: Language, cell: HeatCell, extent: float) -> LanguageBar:
    zero, end = _position(0.0, extent), _position(cell.gain, extent)
    ends = _interval(metric, cell)
    one = cell.interval
    return LanguageBar(
        spoken.code,
        spoken.name,
        points(cell.gain, signed=True),
        cell.side,
        min(zero, end),
        round(abs(end - zero), 2),
        low=_position(ends[0], extent) if ends else None,
        high=_position(ends[1], extent) if ends else None,
        interval=range_text(metric, one.gain_low, one.gain_high) if one else "",
    )


def _position(gain: float, extent: float) -> float:
    """Percent of the width at which a gain is drawn."""
    return round(50.0 + HALF * gain / extent, 2) if extent else 50.0
