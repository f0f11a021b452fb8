"""Learning curves in Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from xstilts.core.errors import ConfigError, MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.stage_runs import StageRuns

PROJECT = "xstilts"
STEP = "step"
WITHOUT_LOGIN = ("offline", "dryrun", "disabled")
"""Modes of W&B that use no server; `dryrun` is the former name of `offline`."""


class WandbTracker:
    """One W&B run per training stage, grouped by experiment; the run's config is the stage's.

    The project is $WANDB_PROJECT, else `xstilts`. A stage that is resumed goes on in its run.
    W&B ignores values of a step of its own below an earlier one, so steps are values themselves,
    the axis of all curves: where a training repeats steps, all their values are kept.

    Raises:
        MissingPackageError: wandb is not installed.
        ConfigError: not logged in, with a server to log to.
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
        self._is_introduced = False
        self._log_in()
        self._runs = StageRuns(self._start, _log, _finish)

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        self._runs.on_event(event)

    def close(self) -> None:
        """End the runs of stages that did not end."""
        self._runs.close()

    def _log_in(self) -> None:
        """Log in before the run begins: `init` would ask for a key in the middle of it."""
        if self._wandb.setup().settings.mode in WITHOUT_LOGIN:
            return
        try:
            self._wandb.login()
        except self._wandb.errors.Error as error:
            raise ConfigError(
                f"the tracker wandb cannot log in: {error}",
                where="--tracker",
                todo="run: wandb login; or set WANDB_MODE=offline, and upload later by wandb sync",
            ) from error

    def _start(self, event: Event) -> Any:
        self._info.folder.mkdir(parents=True, exist_ok=True)
        run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            group=self._info.experiment,
            name=event.stage.label,
            id=event.stage.key[:32],
            resume="allow",
            config=dict(event.stage.params),
            dir=str(self._info.folder),
            reinit="create_new",  # several stages train at the same time
            settings=self._wandb.Settings(**self._messages()),
        )
        run.define_metric("*", step_metric=STEP)
        return run

    def _messages(self) -> dict[str, Any]:
        """Settings: the first of many runs says where they are; none records the terminal.

        The terminal shows the progress of all stages, and messages about other runs.
        """
        first, self._is_introduced = not self._is_introduced, True
        return {"console": "off", "quiet": True} | ({} if first else {"silent": True})


def _log(run: Any, points: Mapping[str, float], step: int) -> None:
    run.log({STEP: step, **points})


def _finish(run: Any, how: str) -> None:
    run.finish(exit_code=int(how != "done"))
