"""Learning curves in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.stage_runs import StageRuns

FOLDER = "tensorboard"


class TensorBoardTracker:
    """One TensorBoard run per training stage, in `tensorboard/LABEL` of the tracking folder.

    Raises:
        MissingPackageError: tensorboard is not installed.
    """

    def __init__(self, info: RunInfo) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingPackageError(
                "the tracker tensorboard needs the package tensorboard",
                todo="run: pip install 'xstilts[tensorboard]'",
            ) from error
        self._new_writer = SummaryWriter
        self._folder = info.folder / FOLDER
        self._runs = StageRuns(self._start, _log, lambda writer, _: writer.close())

    def on_event(self, event: Event) -> None:
        """Add the event's numbers to the curves of its stage."""
        self._runs.on_event(event)

    def close(self) -> None:
        """Close the writers of stages that did not end."""
        self._runs.close()

    def _start(self, event: Event) -> Any:
        return self._new_writer(str(self._folder / folder_name(event)))


def folder_name(event: Event) -> str:
    """A folder for a stage: its label without path separators, and the start of its key."""
    label = "".join(char if char.isalnum() or char in "-+.," else "_" for char in event.stage.label)
    return f"{label}-{event.stage.key[:8]}"


def _log(writer: Any, points: Mapping[str, float], step: int) -> None:
    for name, value in points.items():
        writer.add_scalar(name, value, step)
