"""Forest plot: every gain of the main metrics with its interval, on one axis.

Each row is drawn in percent of its width, so that a page shows it at any width with readable text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from xstilts.reports.answer_box import is_significant
from xstilts.reports.tables import is_too_wide, points, range_text

MARGIN = 3.0
"""Percent of the width that stay free at both ends of the axis."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
"""Points between two ticks of the axis."""
MOST_TICKS = 7


@dataclass(frozen=True)
class ForestAxis:
    """An axis of gains in points, which contains zero.

    Args:
        low, high: its ends.
        ticks: gains at which it has a label.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def position(self, gain: float) -> float:
        """Percent of the width at which a gain in points is drawn; at most at the ends."""
        share = (min(max(gain, self.low), self.high) - self.low) / (self.high - self.low)
        return round(MARGIN + share * (100 - 2 * MARGIN), 2)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Position and label of each tick."""
        return [(self.position(tick), f"{tick:+g}" if tick else "0") for tick in self.ticks]


@dataclass(frozen=True)
class ForestRow:
    """The gain of a setting; positions in percent of the width.

    Args:
        side: `up` or `down`, the sign of the gain; empty at zero.
        position: of the gain; start, end: of its interval, None if there is none.
        numbers: the gain and its interval as text.
    """

    setting: str
    side: str
    is_significant: bool
    position: float
    start: float | None
    end: float | None
    gain: str
    interval: str
    title: str


@dataclass(frozen=True)
class ForestGroup:
    """The gains of a target, the largest first."""

    target: str
    baseline: str
    rows: tuple[ForestRow, ...]


@dataclass(frozen=True)
class ForestPlot:
    """The gains of all targets."""

    axis: ForestAxis
    groups: tuple[ForestGroup, ...]


def forest_plot(main: pd.DataFrame) -> ForestPlot | None:
    """The plot of a gain table; None without a gain.

    Args:
        main: the rows of the gain table of the targets' main metrics, of one encoder.
    """
    known = main[main["gain"].notna()]
    if known.empty:
        return None
    axis = forest_axis(known)
    groups = tuple(_groups(known, axis))
    return ForestPlot(axis, groups)


def forest_axis(known: pd.DataFrame) -> ForestAxis:
    """The axis that contains zero, all gains, and the intervals that are not too wide."""
    ends = [0.0, *(100 * known["gain"])]
    for _, row in known.iterrows():
        if not is_too_wide(row):
            ends += [100 * end for end in (row["low"], row["high"]) if not math.isnan(end)]
    low, high = min(ends), max(ends)
    step = next(one for one in STEPS if (high - low) / one <= MOST_TICKS - 2 or one == STEPS[-1])
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return ForestAxis(
        first * step, last * step, tuple(number * step for number in range(first, last + 1))
    )


def _groups(known: pd.DataFrame, axis: ForestAxis) -> Iterator[ForestGroup]:
    for target, rows in known.groupby("target", sort=False):
        ordered = rows.sort_values("gain", ascending=False, kind="stable")
        drawn = tuple(_row(row, axis) for _, row in ordered.iterrows())
        baselines = list(dict.fromkeys(map(points, rows["baseline"])))
        yield ForestGroup(str(target), ", ".join(baselines), drawn)


def _row(row: pd.Series[Any], axis: ForestAxis) -> ForestRow:
    gain = points(row["gain"], signed=True)
    has_interval = not math.isnan(row["low"])
    interval = range_text(row["metric"], row["low"], row["high"])
    words = f"{row['target']} after {row['intermediate']}: {gain} points"
    return ForestRow(
        setting=row["intermediate"],
        side="" if row["gain"] == 0 else "up" if row["gain"] > 0 else "down",
        is_significant=is_significant(row),
        position=axis.position(100 * row["gain"]),
        start=axis.position(100 * row["low"]) if has_interval else None,
        end=axis.position(100 * row["high"]) if has_interval else None,
        gain=gain,
        interval=interval,
        title=f"{words}, 95 % interval {interval}" if interval else words,
    )
