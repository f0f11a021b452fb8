"""The time that a run still needs, from the work that it has done so far."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xstilts.executors.events import Event

CLOSED = ("done", "failed", "skipped")
ENOUGH_WORK, ENOUGH_SECONDS = 0.02, 5.0
"""Share of the work and time after which the speed is that of this run."""


@dataclass
class RemainingTime:
    """Extrapolates from closed stages and from the steps of running ones.

    Each kind of stage has a speed of its own, as the expected seconds of one kind may be wrong by
    another factor than those of another kind. A kind that has not begun has the speed of all.

    Args:
        weights: key of each stage to run → its expected seconds.
        kinds: key → kind of the stage; all stages are of one kind by default.
        shares: key → done share of its steps; 1 for a closed stage.
        before: key → share that an earlier run had done, of a stage that is continued.
        spent: key → seconds that a closed stage took.
        started: key → when a stage began, by `clock`.
    """

    weights: Mapping[str, float]
    kinds: Mapping[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def on_event(self, event: Event) -> None:
        """Count a closed stage, or the steps of a running one."""
        key, facts = event.stage.key, event.facts
        if key not in self.weights:
            return
        if event.kind == "started":
            self.started[key] = self.clock()
        elif event.kind in CLOSED:
            self.shares[key] = 1.0
            if "seconds" in facts:
                self.spent[key] = facts["seconds"]
        elif event.kind == "progress" and facts.get("steps") and "step" in facts:
            self.before.setdefault(key, max(0, facts["step"] - 1) / facts["steps"])
            self.shares[key] = min(1.0, facts["step"] / facts["steps"])

    def seconds(self, spent: float) -> float | None:
        """Seconds that are left after `spent`; None while too little is done to say."""
        work, busy, left = (defaultdict[str, float](float) for _ in range(3))
        for key, weight in self.weights.items():
            kind, share = self.kinds.get(key, ""), self.shares.get(key, 0.0)
            done = weight * (share - self.before.get(key, 0.0))
            left[kind] += weight * (1 - share)
            work[kind] += done
            busy[kind] += self._busy(key, done) if done else 0.0
        total, time_of_all = sum(work.values()), sum(busy.values())
        if total <= ENOUGH_WORK * sum(self.weights.values()) or spent < ENOUGH_SECONDS:
            return None
        mean = time_of_all / total
        to_do = sum(
            amount * (busy[kind] / work[kind] if work[kind] else mean)
            for kind, amount in left.items()
        )
        return spent * to_do / time_of_all if time_of_all else None

    def _busy(self, key: str, expected: float) -> float:
        """Seconds that a stage has taken; the expected ones if they were not measured."""
        if key in self.spent:
            return self.spent[key]
        if key in self.started and self.shares.get(key, 0.0) < 1:
            return self.clock() - self.started[key]
        return expected
