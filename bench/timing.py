"""Alternating measurements of two sides, and their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """What one side did in one round.

    Args:
        work: in whatever unit both sides count (real sub-words, pairs of vectors).
    """

    seconds: float
    work: float = 1.0

    @property
    def cost(self) -> float:
        """Seconds per unit of work."""
        return self.seconds / self.work


Contestant = Callable[[int], Measurement]
"""Runs one round, given its number (0 is the warm-up)."""


def alternate(sides: Mapping[str, Contestant], rounds: int) -> dict[str, list[Measurement]]:
    """The rounds of each side: ABAB…, after an uncounted warm-up of each."""
    turns: dict[str, list[Measurement]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            turn = side(number)
            print(f"  round {number} {name}: {turn.seconds:.3f} s", flush=True)
            if number:
                turns[name].append(turn)
    return turns


def ratios(slower: list[Measurement], faster: list[Measurement]) -> list[float]:
    """The cost of the first side divided by that of the second, round by round."""
    return [one.cost / other.cost for one, other in zip(slower, faster, strict=True)]


def timed(action: Callable[[], Any], work: float = 1.0) -> Measurement:
    """Time one action."""
    started = time.perf_counter()
    action()
    return Measurement(time.perf_counter() - started, work)


PRODUCT_SHARE = "products of matrices as a share of our time on one thread"
"""Name of a note, from which `Row.if_only_products` follows."""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Args:
        values: one per round: times as fast; or a share or seconds, where this is set.
        at_least: the target; of what should be small, the maximum.
        notes: name → what else was measured, for the page.
    """

    benchmark: str
    rival: str
    values: list[float]
    at_least: float | None = None
    aim: float | None = None
    share: bool = False
    small_is_good: bool = False
    seconds: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None without a target."""
        if self.at_least is None:
            return None
        return self.value <= self.at_least if self.small_is_good else self.value >= self.at_least

    @property
    def if_only_products(self) -> float | None:
        """The ratio if products of matrices were all that takes our time; None if not known."""
        share = self.notes.get(PRODUCT_SHARE)
        return self.value / share if share and not (self.share or self.seconds) else None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON; `Row(**…)` reads it."""
        return asdict(self)
