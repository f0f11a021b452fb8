"""Small multiples: for each target and setting, the gain in every language, sorted, on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isnan

from xstilts.reports.heat_maps import HeatMap
from xstilts.reports.tables import points

HALF = 48.0
"""Percent of the width from zero, in the middle, to the largest gain."""


@dataclass(frozen=True)
class LanguageBar:
    """The gain in a language; positions in percent of the width.

    Args:
        side: `up` or `down`, the sign of the gain; empty at zero.
    """

    code: str
    name: str
    gain: str
    side: str
    start: float
    width: float


@dataclass(frozen=True)
class LanguageBars:
    """The gains of a setting on a target, the largest first."""

    target: str
    setting: str
    bars: tuple[LanguageBar, ...]


def language_bars(maps: Iterable[HeatMap]) -> list[LanguageBars]:
    """One figure per target and setting that has gains in two languages or more."""
    return [figure for heat_map in maps for figure in _figures(heat_map) if len(figure.bars) > 1]


def _figures(heat_map: HeatMap) -> Iterator[LanguageBars]:
    for column, setting in enumerate(heat_map.settings):
        gains = [
            (cells[column].gain, spoken.code, spoken.name, cells[column].side)
            for spoken, cells in heat_map.rows
            if not isnan(cells[column].gain)
        ]
        bars = tuple(
            LanguageBar(code, name, points(gain, signed=True), side, *_span(gain, heat_map.largest))
            for gain, code, name, side in sorted(gains, key=lambda one: (-one[0], one[1]))
        )
        yield LanguageBars(heat_map.target, setting, bars)


def _span(gain: float, largest: float) -> tuple[float, float]:
    """Where a bar from zero to a gain begins, and its width."""
    width = round(HALF * abs(gain) / largest, 2) if largest else 0.0
    return (50.0 if gain >= 0 else round(50.0 - width, 2)), width
