"""The time that a run still needs, from the work that it has done so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.executors.events import Event

CLOSED = ("done", "failed", "skipped")
ENOUGH_WORK, ENOUGH_SECONDS = 0.02, 5.0
"""Share of the work and time after which the speed is that of this run."""


@dataclass
class RemainingTime:
    """Extrapolates from closed stages and from the steps of running ones.

    Args:
        weights: key of each stage to run → its expected seconds.
        shares: key → done share of its steps; 1 for a closed stage.
        before: key → share that an earlier run had done, of a stage that is continued.
    """

    weights: Mapping[str, float]
    shares: dict[str, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)

    def on_event(self, event: Event) -> None:
        """Count a closed stage, or the steps of a running one."""
        key, facts = event.stage.key, event.facts
        if key not in self.weights:
            return
        if event.kind in CLOSED:
            self.shares[key] = 1.0
        elif event.kind == "progress" and facts.get("steps") and "step" in facts:
            self.before.setdefault(key, max(0, facts["step"] - 1) / facts["steps"])
            self.shares[key] = min(1.0, facts["step"] / facts["steps"])

    def seconds(self, spent: float) -> float | None:
        """Seconds that are left after `spent`; None while too little is done to say."""
        total = sum(self.weights.values())
        left = sum(weight * (1 - self.shares.get(key, 0.0)) for key, weight in self.weights.items())
        work = sum(
            self.weights[key] * (share - self.before.get(key, 0.0))
            for key, share in self.shares.items()
        )
        if work <= ENOUGH_WORK * total or spent < ENOUGH_SECONDS:
            return None
        return spent * left / work
