"""Notices workers that hold a stage and show no sign of life, such as one that was paused.

A worker touches the lease of its stage every few seconds. Another run takes over a stage whose
lease is silent; the run that has the worker waits for it, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from xstilts.core.leases import EXPIRY, Leases
from xstilts.core.stage import Stage
from xstilts.executors.events import Event, Listener

CHECK_SECONDS = 15.0
"""Seconds between two looks at the leases."""


@dataclass
class SilentWorkers:
    """Reports each stage once whose lease nobody has touched for `EXPIRY` seconds.

    Args:
        on_event: takes a note for each.
        clock: seconds that only this process's own waiting is measured by.
    """

    leases: Leases
    on_event: Listener
    clock: Callable[[], float] = time.monotonic
    _checked: float = float("-inf")
    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Key → last touch of its lease, and when this process saw it first."""
    _reported: set[str] = field(default_factory=set)

    def check(self, running: Iterable[Stage]) -> None:
        """Look at the leases of the running stages, unless that was done just now."""
        now = self.clock()
        if now - self._checked < CHECK_SECONDS:
            return
        if now - self._checked > 2 * CHECK_SECONDS:  # this process was paused, maybe with them
            self._seen.clear()
        self._checked = now
        for stage in running:
            self._check(stage, now)

    def _check(self, stage: Stage, now: float) -> None:
        newest = self.leases.newest(stage.key)
        if newest is None:
            return
        touched, holder = newest
        before, first_seen = self._seen.get(stage.key, (None, now))
        if touched != before:
            self._seen[stage.key] = touched, now
            self._reported.discard(stage.key)
        elif now - first_seen > EXPIRY and stage.key not in self._reported:
            self._reported.add(stage.key)
            who = holder.text if holder else "its worker"
            problem = (
                f"no sign of life for {now - first_seen:.0f} s from {who}: "
                "paused, or the store's disk does not answer"
            )
            self.on_event(Event("note", stage, {"problem": problem}))
