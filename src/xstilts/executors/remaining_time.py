"""The time that a run still needs, from the work that it has done so far."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from xstilts.core.stage import Stage
from xstilts.executors.events import Event

CLOSED = ("done", "failed", "skipped")
ENOUGH_SECONDS = 5.0
"""Time after which the speed is that of this run."""

PRIOR_SECONDS = (1.0, 5.0, 5.0)
"""How many expected seconds the more general speed counts like, from the most general group of
stages on. Few short stages say little: the first prediction of a worker also loads the model."""


@dataclass(frozen=True)
class _Steps:
    """The done share of a stage's steps, and when it was reported."""

    share: float
    time: float


@dataclass
class _Measured:
    """Measured and expected seconds of stages of one group, apart from their fixed time."""

    seconds: float = 0.0
    expected: float = 0.0


@dataclass
class RemainingTime:
    """Estimates the rest of a run from closed stages and from the steps of running ones.

    Stages of one kind with the same expected seconds do the same work on other seeds or texts, so
    they take the time that was measured for them. Other stages of the kind differ by its speed,
    and kinds that compute share the speed of the machine. Each of these is an average of what was
    measured and of the next more general one, which counts like some seconds. What a training needs
    besides its steps (to load, to tokenize, to publish) does not grow with them, and is measured
    apart. The rest takes as long as all of it on all workers, or as its longest chain of stages.

    Args:
        stages: those to run, in plan order.
        weights: key of each → its expected seconds.
        workers: how many stages run at a time, as far as that is known: more may be seen.
        closed: keys of stages that have ended.
        spent: key → seconds that a finished stage took.
        started: key → when a running stage began, by `clock`.
        first, last: key → the first and the last steps that a stage reported.
    """

    stages: Sequence[Stage]
    weights: Mapping[str, float]
    workers: int = 1
    clock: Callable[[], float] = time.monotonic
    closed: set[str] = field(default_factory=set)
    spent: dict[str, float] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    first: dict[str, _Steps] = field(default_factory=dict)
    last: dict[str, _Steps] = field(default_factory=dict)

    def on_event(self, event: Event) -> None:
        """Count a closed stage, or the steps of a running one."""
        key, facts = event.stage.key, event.facts
        if key not in self.weights:
            return
        if event.kind == "started":
            self._restart(key)
        elif event.kind in CLOSED:
            self.closed.add(key)
            self.started.pop(key, None)
            if event.kind == "done":
                self.spent[key] = facts.get("seconds", self.weights[key])
        elif event.kind == "progress" and facts.get("steps") and "step" in facts:
            steps = _Steps(min(1.0, facts["step"] / facts["steps"]), self.clock())
            if key in self.last and steps.share < self.last[key].share:
                self._restart(key)  # in fp32, after it diverged
            self.first.setdefault(key, steps)
            self.last[key] = steps

    def _restart(self, key: str) -> None:
        """Forget what a stage did before, when it begins: a lost or damaged one begins again."""
        self.closed.discard(key)
        for known in (self.spent, self.first, self.last):
            known.pop(key, None)
        self.started[key] = self.clock()
        self.workers = max(self.workers, len(self.started))

    def seconds(self, spent: float) -> float | None:
        """Seconds that are left after `spent`; None while too little is done to say."""
        fixed, measured = self._fixed_seconds(), self._measured()
        if spent < ENOUGH_SECONDS or not measured:
            return None
        factors: dict[Hashable, float] = {}
        total = longest = 0.0
        ends: dict[str, float] = {}
        for stage in self.stages:
            if (key := stage.key) in self.closed:
                continue
            group = self._groups(stage)[-1]
            if group not in factors:
                factors[group] = self._factor(stage, measured)
            left = self._left(key, self.weights[key] * factors[group], fixed.get(stage.kind, 0.0))
            before = max((ends.get(other, 0.0) for other in stage.inputs.values()), default=0.0)
            total += left
            ends[key] = before + left
            longest = max(longest, ends[key])
        return max(total / self.workers, longest)

    def _left(self, key: str, whole: float, fixed: float) -> float:
        """Seconds that a stage still needs, of which its steps need `whole`."""
        if key in self.last:
            return whole * (1 - self.last[key].share)
        begun = self.clock() - self.started[key] if key in self.started else 0.0
        return max(0.0, fixed + whole - begun)

    def _groups(self, stage: Stage) -> tuple[Hashable, Hashable, Hashable]:
        """What the stage has its speed in common with, from the most general to the least."""
        weight = round(self.weights[stage.key], 6)
        return bool(stage.cost.operations), stage.kind, (stage.kind, weight)

    def _factor(self, stage: Stage, measured: Mapping[Hashable, _Measured]) -> float:
        """By how much a stage takes longer than expected."""
        factor = 1.0
        for group, prior in zip(self._groups(stage), PRIOR_SECONDS, strict=True):
            if seen := measured.get(group):
                factor = (seen.seconds + prior * factor) / (seen.expected + prior)
        return factor

    def _measured(self) -> dict[Hashable, _Measured]:
        """Group of stages → what was measured of them."""
        result: dict[Hashable, _Measured] = defaultdict(_Measured)
        for stage in self.stages:
            key = stage.key
            seconds, share = self._steps(key)
            if key in self.spent and not share:
                seconds, share = self.spent[key], 1.0
            if share:
                for group in self._groups(stage):
                    result[group].seconds += seconds
                    result[group].expected += share * self.weights[key]
        return result

    def _steps(self, key: str) -> tuple[float, float]:
        """Seconds between the first and last steps that a stage reported, and their share."""
        if key not in self.last:
            return 0.0, 0.0
        first, last = self.first[key], self.last[key]
        return last.time - first.time, last.share - first.share

    def _fixed_seconds(self) -> dict[str, float]:
        """Kind → mean seconds of its stages besides their steps: so far, before the first one."""
        rest: dict[str, list[float]] = defaultdict(list)
        for stage in self.stages:
            seconds, share = self._steps(stage.key)
            if stage.key in self.spent and share:
                done = 1.0 - self.first[stage.key].share
                rest[stage.kind].append(self.spent[stage.key] - seconds / share * done)
            elif stage.key in self.first and stage.key in self.started:
                rest[stage.kind].append(self.first[stage.key].time - self.started[stage.key])
        return {kind: max(0.0, sum(values) / len(values)) for kind, values in rest.items()}
