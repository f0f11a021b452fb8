"""Learning curves in MLflow."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.stage_params import flat_params
from xstilts.trackers.stage_runs import INTERRUPTED, StageRuns

FOLDER = "mlflow"
DATABASE = "mlflow.db"
URI = "MLFLOW_TRACKING_URI"
STATUS = {"done": "FINISHED", "failed": "FAILED", INTERRUPTED: "KILLED"}
PARAM_LENGTH = 6_000
"""Most characters of the value of a parameter in MLflow."""


class MlflowTracker:
    """One MLflow run per training stage, in the MLflow experiment of the experiment's name.

    The server is $MLFLOW_TRACKING_URI, else a database in `mlflow` of the tracking folder. A
    stage that is resumed goes on in its run.

    Raises:
        MissingPackageError: mlflow is not installed.
    """

    def __init__(self, info: RunInfo) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise MissingPackageError(
                "the tracker mlflow needs the package mlflow",
                todo="run: pip install 'xstilts[mlflow]'",
            ) from error
        folder = info.folder / FOLDER
        address = os.environ.get(URI)
        if not address:
            folder.mkdir(parents=True, exist_ok=True)
            address = f"sqlite:///{folder / DATABASE}"
        self._client: Any = MlflowClient(address)
        self._experiment = self._experiment_id(info)
        self._runs = StageRuns(
            self._start,
            self._log,
            lambda run, how: self._client.set_terminated(run, STATUS[how]),
        )

    def on_event(self, event: Event) -> None:
        """Log the event's numbers in the run of its stage."""
        self._runs.on_event(event)

    def close(self) -> None:
        """End the runs of stages that did not end."""
        self._runs.close()

    def _log(self, run: str, points: Mapping[str, float], step: int) -> None:
        for name, value in points.items():
            self._client.log_metric(run, valid_name(name), value, step=step)

    def _experiment_id(self, info: RunInfo) -> str:
        name = info.experiment
        existing = self._client.get_experiment_by_name(name)
        if existing is not None:
            return str(existing.experiment_id)
        local = None if os.environ.get(URI) else (info.folder / FOLDER / "artifacts").as_uri()
        return str(self._client.create_experiment(name, artifact_location=local))

    def _start(self, event: Event) -> str:
        """The run of the stage: the one of an earlier, interrupted training, or a new one."""
        key = event.stage.key
        earlier = self._client.search_runs([self._experiment], f"tags.`xstilts.key` = '{key}'")
        if earlier:
            run = str(earlier[0].info.run_id)
            self._client.update_run(run, status="RUNNING")
            return run
        tags = {"xstilts.key": key, "xstilts.kind": event.stage.kind}
        run = self._client.create_run(self._experiment, tags=tags, run_name=event.stage.label)
        run_id = str(run.info.run_id)
        self._log_params(run_id, event.stage.params)
        return run_id

    def _log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        for name, value in flat_params(params).items():
            self._client.log_param(run_id, valid_name(name), str(value)[:PARAM_LENGTH])


def valid_name(name: str) -> str:
    """A name with the characters that MLflow allows; others become underscores."""
    return re.sub(r"[^\w\-./ :]", "_", name)
