"""Learning curves in trackio."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from contextvars import Context
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.event_metrics import curve_points

PROJECT = "xstilts"


class TrackioTracker:
    """One trackio run per training stage, in the group of the experiment.

    The project is $TRACKIO_PROJECT, else `xstilts`; the folder is trackio's own, which its
    dashboard reads. A stage that is resumed goes on in its run.

    Raises:
        MissingPackageError: trackio is not installed.
    """

    def __init__(self, info: RunInfo) -> None:
        try:
            import trackio
        except ImportError as error:
            raise MissingPackageError(
                "the tracker trackio needs the package trackio",
                todo="run: pip install 'xstilts[trackio]'",
            ) from error
        self._trackio: Any = trackio
        self._group = info.experiment
        self._runs: dict[str, Any] = {}

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        key, points = event.stage.key, curve_points(event)
        if points and key not in self._runs:
            self._runs[key] = self._start(event)
        if points:
            self._runs[key].log(points, step=event.facts["step"])
        if event.kind in ("done", "failed") and key in self._runs:
            _finish(self._runs.pop(key))

    def close(self) -> None:
        """Finish the runs of stages that did not end."""
        for run in self._runs.values():
            _finish(run)

    def _start(self, event: Event) -> Any:
        settings = {
            "project": os.environ.get("TRACKIO_PROJECT") or PROJECT,
            "name": f"{event.stage.label} {event.stage.key[:8]}",
            "group": self._group,
            "config": dict(event.stage.params),
            "resume": "allow",
            "embed": False,
            "auto_log_cpu": False,
            "auto_log_gpu": False,
        }
        # In a context of its own: `init` finishes the current run, and several stages train at
        # the same time. Its messages must not mix with results on standard output.
        with redirect_stdout(sys.stderr):
            return Context().run(self._trackio.init, **settings)


def _finish(run: Any) -> None:
    with redirect_stdout(sys.stderr):
        run.finish()
