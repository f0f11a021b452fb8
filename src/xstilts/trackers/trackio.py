"""Learning curves in trackio."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from contextvars import Context
from io import StringIO
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.stage_runs import StageRuns

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
        self._is_introduced = False
        self._runs = StageRuns(self._start, _log, _finish)

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        self._runs.on_event(event)

    def close(self) -> None:
        """End the runs of stages that did not end."""
        self._runs.close()

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
        # the same time. Its messages must not mix with results on standard output, and tell the
        # same for each of many runs.
        with redirect_stdout(StringIO() if self._is_introduced else sys.stderr):
            self._is_introduced = True
            return Context().run(self._trackio.init, **settings)


def _log(run: Any, points: Mapping[str, float], step: int) -> None:
    run.log(dict(points), step=step)


def _finish(run: Any, _how: str) -> None:
    with redirect_stdout(StringIO()):
        run.finish()
