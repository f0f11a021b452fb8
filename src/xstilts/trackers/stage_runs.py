"""The open runs of a tracker: one per training stage, from its first numbers until it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from xstilts.executors.events import Event
from xstilts.trackers.event_metrics import curve_points

Run = TypeVar("Run")
ENDS = ("done", "failed")
INTERRUPTED = ""
"""In place of `done` or `failed`: the stage did not end."""


class StageRuns(Generic[Run]):
    """Starts, fills and ends the runs of stages, several of which may train at the same time.

    Args:
        start: the run of an event's stage.
        log: (run, name → value, step) writes the numbers of a step.
        end: (run, how its stage ended: one of `ENDS` or `INTERRUPTED`).
    """

    def __init__(
        self,
        start: Callable[[Event], Run],
        log: Callable[[Run, Mapping[str, float], int], None],
        end: Callable[[Run, str], None],
    ) -> None:
        self._start, self._log, self._end = start, log, end
        self._open: dict[str, Run] = {}

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        key, points = event.stage.key, curve_points(event)
        if points:
            if key not in self._open:
                self._open[key] = self._start(event)
            self._log(self._open[key], points, event.facts["step"])
        if event.kind in ENDS and key in self._open:
            self._end(self._open.pop(key), event.kind)

    def close(self) -> None:
        """End the runs of stages that did not end."""
        for run in self._open.values():
            self._end(run, INTERRUPTED)
