"""Learning curves in Weights & Biases."""

from __future__ import annotations

import os
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.event_metrics import curve_points

PROJECT = "xstilts"


class WandbTracker:
    """One W&B run per training stage, grouped by experiment; the run's config is the stage's.

    The project is $WANDB_PROJECT, else `xstilts`. A stage that is resumed goes on in its run.

    Raises:
        MissingPackageError: wandb is not installed.
    """

    def __init__(self, info: RunInfo) -> None:
        try:
            import wandb
        except ImportError as error:
            raise MissingPackageError(
                "the tracker wandb needs the package wandb",
                todo="run: pip install 'xstilts[wandb]'",
            ) from error
        self._wandb: Any = wandb
        self._info = info
        self._runs: dict[str, Any] = {}

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        key, points = event.stage.key, curve_points(event)
        if points and key not in self._runs:
            self._runs[key] = self._start(event)
        if points:
            self._runs[key].log(points, step=event.facts["step"])
        if event.kind in ("done", "failed") and key in self._runs:
            self._runs.pop(key).finish(exit_code=int(event.kind == "failed"))

    def close(self) -> None:
        """Finish the runs of stages that did not end."""
        for run in self._runs.values():
            run.finish(exit_code=1)

    def _start(self, event: Event) -> Any:
        self._info.folder.mkdir(parents=True, exist_ok=True)
        return self._wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            group=self._info.experiment,
            name=event.stage.label,
            id=event.stage.key[:32],
            resume="allow",
            config=dict(event.stage.params),
            dir=str(self._info.folder),
            reinit="create_new",  # several stages train at the same time
        )
