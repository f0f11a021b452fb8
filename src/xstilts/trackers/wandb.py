"""Learning curves in Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.stage_runs import StageRuns

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
        self._runs = StageRuns(self._start, _log, _finish)

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        self._runs.on_event(event)

    def close(self) -> None:
        """End the runs of stages that did not end."""
        self._runs.close()

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


def _log(run: Any, points: Mapping[str, float], step: int) -> None:
    run.log(dict(points), step=step)


def _finish(run: Any, how: str) -> None:
    run.finish(exit_code=int(how != "done"))
