"""The stages that are to do, and which of them a worker gets; a decision does not read them all.

The rule is that of `schedule.choose_stage` over the stages that can start, in their order. Stages
wait with a count of unfinished inputs; those that can start are in a heap for each affinity.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage

Entry = tuple[int, str]
"""Position in the order, and key of a stage; outdated once the stage has no such position."""


class TodoStages:
    """Stages that are neither done nor running.

    Args:
        plan: in whose order they start, unless they are put first or last.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._affinity = {stage.key: stage.affinity for stage in plan.stages}
        self._inputs = {stage.key: frozenset(stage.inputs.values()) for stage in plan.stages}
        self._readers: dict[str, list[str]] = {}
        for key, inputs in self._inputs.items():
            for read in inputs:
                self._readers.setdefault(read, []).append(key)
        self._not_before: dict[str, float] = {}
        self._first, self._last = 0, len(self._inputs)
        self.reset((), ())

    def reset(self, keys: Iterable[str], finished: Iterable[str]) -> None:
        """Replace all stages.

        Args:
            keys: of the stages to do, in plan order.
            finished: keys of the stages that are done.
        """
        self._finished = set(finished)
        self._missing = {key: len(inputs - self._finished) for key, inputs in self._inputs.items()}
        self._position = {key: position for position, key in enumerate(keys, start=self._last)}
        self._last += len(self._position)
        self._delayed: list[tuple[float, Entry]] = []
        self._by_affinity: dict[str, list[Entry]] = {}
        self._heads: list[Entry] = []
        """For each affinity an entry that is not after its first stage that can start."""
        for key in self._position:
            self._start_if_ready(key)

    def __len__(self) -> int:
        return len(self._position)

    def __contains__(self, key: str) -> bool:
        return key in self._position

    def __iter__(self) -> Iterator[str]:
        return iter(self._position)

    def dependants(self, key: str) -> list[str]:
        """Keys of the stages that read a stage, in plan order."""
        return self._readers.get(key, [])

    def finish(self, key: str) -> None:
        """Count a stage as done: those that read it may become ready."""
        if key not in self._finished:
            self._finished.add(key)
            for reader in self._readers.get(key, ()):
                self._missing[reader] -= 1
                self._start_if_ready(reader)

    def remove(self, key: str) -> None:
        """Remove a stage, if it is to do."""
        self._position.pop(key, None)

    def put_first(self, key: str) -> None:
        """Add a stage before all others."""
        self._first -= 1
        self._position[key] = self._first
        self._start_if_ready(key)

    def put_last(self, key: str, not_before: float = 0.0) -> None:
        """Add a stage after all others.

        Args:
            not_before: the time (`time.monotonic`) from which on it may start.
        """
        self._position[key] = self._last
        self._last += 1
        self._not_before[key] = not_before
        self._start_if_ready(key)

    def choose(self, loaded: str, loaded_elsewhere: Collection[str]) -> Stage | None:
        """The stage that a worker should run next; None if none can start now.

        Args:
            loaded: affinity of the worker's last stage; empty for a new worker.
            loaded_elsewhere: affinities of the other busy workers' stages.
        """
        self._end_delays()
        entry = self._top(loaded) if loaded else None
        entry = entry or self._first_apart_from(loaded_elsewhere)
        return self._plan.by_key[entry[1]] if entry else None

    def ready(self) -> list[Stage]:
        """All stages that can start now, in their order."""
        self._end_delays()
        entries = {entry for heap in self._by_affinity.values() for entry in heap}
        return [self._plan.by_key[key] for _, key in sorted(filter(self._is_current, entries))]

    def _first_apart_from(self, loaded_elsewhere: Collection[str]) -> Entry | None:
        """The first stage that can start, if possible not of these affinities."""
        passed: list[Entry] = []
        chosen = None
        while self._heads and chosen is None:
            entry = heappop(self._heads)
            affinity = self._affinity[entry[1]]
            top = self._top(affinity)
            if top != entry:
                if top is not None and top not in passed:
                    heappush(self._heads, top)
            elif affinity and affinity in loaded_elsewhere:
                passed.append(entry)
            else:
                chosen = entry
        for entry in (*passed, *((chosen,) if chosen else ())):
            heappush(self._heads, entry)
        return chosen or (passed[0] if passed else None)

    def _start_if_ready(self, key: str) -> None:
        """Let a stage to do be chosen if all of its inputs are done, and its delay is over."""
        position = self._position.get(key)
        if position is None or self._missing[key]:
            return
        entry = position, key
        if (until := self._not_before.get(key, 0.0)) > time.monotonic():
            heappush(self._delayed, (until, entry))
            return
        affinity = self._affinity[key]
        heappush(self._by_affinity.setdefault(affinity, []), entry)
        if self._top(affinity) == entry:
            heappush(self._heads, entry)

    def _end_delays(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            _, entry = heappop(self._delayed)
            if self._is_current(entry):
                self._not_before.pop(entry[1], None)
                self._start_if_ready(entry[1])

    def _top(self, affinity: str) -> Entry | None:
        """The first stage of an affinity that can start."""
        heap = self._by_affinity.get(affinity, [])
        while heap and not self._is_current(heap[0]):
            heappop(heap)
        return heap[0] if heap else None

    def _is_current(self, entry: Entry) -> bool:
        return self._position.get(entry[1]) == entry[0]
