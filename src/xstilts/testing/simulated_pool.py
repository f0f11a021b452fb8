"""A pool whose workers run nothing: stages take virtual seconds, so that days pass in a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from xstilts.core.stage import Stage
from xstilts.testing.in_memory_worker import InMemoryWorker

Outcome = Callable[[Stage], dict[str, Any]]
"""Stage → the message that ends it, without its key."""


def done(_stage: Stage) -> dict[str, Any]:
    """The message of a stage that is done."""
    return {"event": "done", "facts": {}, "seconds": 0.0}


@dataclass(eq=False)
class SimulatedWorker(InMemoryWorker):
    """A worker of a `SimulatedPool`; it sends what the pool's outcomes say, when the time comes."""

    pool: SimulatedPool
    number: int

    def send(self, message: dict[str, Any]) -> None:
        """Start the stage that the run loop has given it."""
        if "kind" in message and self.stage is not None:
            self.pool.begin(self, self.stage)


class SimulatedPool:
    """Workers in virtual time.

    Args:
        size: number of workers.
        seconds: stage → virtual seconds that it takes.
        outcome: what a stage ends with.

    Attributes:
        now: virtual seconds since the start.
        busy: worker's number → virtual seconds in which it had a stage.
        order: the stages in the order in which they began.
        loads: how many stages had an affinity that was not that of the worker's last stage.
    """

    def __init__(
        self, size: int, seconds: Callable[[Stage], float], outcome: Outcome = done
    ) -> None:
        self.size, self.seconds, self.outcome = size, seconds, outcome
        self.now = 0.0
        self.busy: dict[int, float] = defaultdict(float)
        self.order: list[Stage] = []
        self.loads = 0
        self.workers: list[SimulatedWorker] = []
        self._last: dict[int, str] = {}
        self._ends: list[tuple[float, int]] = []

    @property
    def is_full(self) -> bool:
        """Whether all workers exist."""
        return len(self.workers) >= self.size

    def start(self) -> SimulatedWorker:
        """Add a worker."""
        self.workers.append(SimulatedWorker(self, len(self.workers)))
        return self.workers[-1]

    def begin(self, worker: SimulatedWorker, stage: Stage) -> None:
        """Note when a worker's stage will have ended."""
        seconds = self.seconds(stage)
        self.busy[worker.number] += seconds
        self.order.append(stage)
        self.loads += bool(stage.affinity) and self._last.get(worker.number) != stage.affinity
        self._last[worker.number] = stage.affinity or stage.key
        heappush(self._ends, (self.now + seconds, worker.number))

    def shortage(self, worker: SimulatedWorker, stage: Stage) -> str:
        """Nothing: there is no memory."""
        return ""

    def share_cores(self) -> None:
        """Nothing: there are no cores."""

    def readable(self, timeout: float) -> Iterator[SimulatedWorker]:
        """The worker whose stage ends next; the time moves on to its end."""
        if self._ends:
            self.now, number = heappop(self._ends)
            worker = self.workers[number]
            assert worker.stage is not None
            key = {"key": worker.stage.key}
            worker.unread += [{"event": "started", **key}, {**self.outcome(worker.stage), **key}]
            yield worker

    def remove(self, worker: SimulatedWorker) -> None:
        """Nothing: workers stay."""

    def cause_of_death(self, worker: SimulatedWorker) -> str:
        """Nothing: no worker dies."""
        raise AssertionError("simulated workers do not die")

    def close(self) -> None:
        """End the simulation."""
