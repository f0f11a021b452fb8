"""The time that a run still needs, from the work that it has done so far."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xstilts.core.stage import Stage
from xstilts.executors.events import Event

CLOSED = ("done", "failed", "skipped")
ENOUGH_WORK, ENOUGH_SECONDS = 0.02, 5.0
"""Share of the work and time after which the speed is that of this run."""
ENOUGH_OF_GROUP = 0.1
"""Work, as a share of a mean stage, after which a group has a speed of its own."""


def speed_groups(stage: Stage) -> tuple[str, ...]:
    """The groups whose speed a stage has, from large to small: its kind, and that of its task."""
    return stage.kind, " ".join(stage.label.split()[:2])


ALL = ""
"""The group of all stages."""


@dataclass
class _Sum:
    """Sums of a group of stages: expected seconds, those that are done, and how long these took."""

    expected: float = 0.0
    done: float = 0.0
    seconds: float = 0.0
    stages: int = 0

    @property
    def mean(self) -> float:
        """Expected seconds of a stage."""
        return self.expected / self.stages


@dataclass
class RemainingTime:
    """Extrapolates from closed stages and from the steps of running ones.

    Each group of stages, such as trainings of one task, has a speed of its own, as the expected
    seconds of one group may be wrong by another factor than those of another. A group that has not
    begun has the speed of the next larger one, and the largest that of all stages.

    Args:
        weights: key of each stage to run → its expected seconds.
        groups: key → groups of the stage, see `speed_groups`; none by default.
        shares: key → done share of its steps; 1 for a closed stage.
        before: key → share that an earlier run had done, of a stage that is continued.
        spent: key → seconds that a closed stage took.
        started: key → when a stage began, by `clock`.
    """

    weights: Mapping[str, float]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
        sums = self._sums()
        of_all = sums[ALL]
        if of_all.done <= ENOUGH_WORK * of_all.expected or spent < ENOUGH_SECONDS:
            return None
        paces = {path: _pace(path, sums) for path in {self._path(key) for key in self.weights}}
        to_do = sum(
            weight * (1 - self.shares.get(key, 0.0)) * paces[self._path(key)]
            for key, weight in self.weights.items()
        )
        return spent * to_do / of_all.seconds if of_all.seconds else None

    def _path(self, key: str) -> tuple[str, ...]:
        return (ALL, *self.groups.get(key, ()))

    def _sums(self) -> dict[str, _Sum]:
        """The sums of each group."""
        sums = defaultdict[str, _Sum](_Sum)
        for key, weight in self.weights.items():
            done = weight * (self.shares.get(key, 0.0) - self.before.get(key, 0.0))
            seconds = self._busy(key, done) if done else 0.0
            for name in self._path(key):
                group = sums[name]
                group.expected += weight
                group.stages += 1
                group.done += done
                group.seconds += seconds
        return sums

    def _busy(self, key: str, expected: float) -> float:
        """Seconds that a stage has taken; the expected ones if they were not measured."""
        if key in self.spent:
            return self.spent[key]
        if key in self.started and self.shares.get(key, 0.0) < 1:
            return self.clock() - self.started[key]
        return expected


def _pace(path: tuple[str, ...], sums: Mapping[str, _Sum]) -> float:
    """Seconds that an expected second takes, in the last of some groups that tells.

    Args:
        path: from the group of all stages to the smallest.
    """
    groups = [sums[name] for name in path]
    telling = [group for group in groups[1:] if group.done > ENOUGH_OF_GROUP * group.mean]
    last = [groups[0], *telling][-1]
    return last.seconds / last.done
