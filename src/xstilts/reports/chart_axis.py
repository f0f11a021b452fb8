"""An axis of a chart: round numbers at equal distances, and positions between its ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ChartAxis:
    """A linear axis.

    Args:
        low, high: numbers at its ends.
        start, end: their positions; `end` is smaller than `start` on an axis that points up.
        ticks: numbers that have a label.
    """

    low: float
    high: float
    start: int
    end: int
    ticks: tuple[float, ...]

    def position(self, value: float) -> int:
        """Where a number is drawn, at most at the ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start))

    @property
    def marks(self) -> list[tuple[int, str]]:
        """Position and label of each tick."""
        return [(self.position(tick), f"{tick:,g}") for tick in self.ticks]

    def ending_at(self, high: float) -> ChartAxis:
        """The same axis without what is above a number."""
        return replace(self, high=high, ticks=tuple(one for one in self.ticks if one <= high))


def chart_axis(low: float, high: float, start: int, end: int, most: int = 5) -> ChartAxis:
    """The axis from the round number below `low` to the one above `high`.

    Args:
        most: number of ticks at most.
    """
    step = _step(max(high - low, 1e-9) / (most - 2))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(round(number * step, 10) for number in range(first, last + 1))
    return ChartAxis(ticks[0], ticks[-1], start, end, ticks)


def _step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... and their tenths that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= least * (1 - 1e-9))
