"""Learning curves in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.stage_runs import StageRuns

FOLDER = "tensorboard"


@dataclass
class StageCurves:
    """The open curves of a stage.

    Args:
        writer: a SummaryWriter.
        step: the last one written.
    """

    writer: Any
    step: int


class TensorBoardTracker:
    """One TensorBoard run per training stage, in `tensorboard/LABEL` of the tracking folder.

    A stage that is resumed, or trains again from an earlier step, goes on in its run: from that
    step on, TensorBoard shows the new values in place of the old ones.

    Raises:
        MissingPackageError: tensorboard is not installed.
    """

    def __init__(self, info: RunInfo) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event as FileEvent
            from tensorboard.compat.proto.event_pb2 import SessionLog
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingPackageError(
                "the tracker tensorboard needs the package tensorboard",
                todo="run: pip install 'xstilts[tensorboard]'",
            ) from error
        self._new_writer = SummaryWriter
        self._restart = FileEvent(session_log=SessionLog(status=SessionLog.START))
        self._folder = info.folder / FOLDER
        self._runs = StageRuns(self._start, self._log, lambda curves, _: curves.writer.close())

    def on_event(self, event: Event) -> None:
        """Add the event's numbers to the curves of its stage."""
        self._runs.on_event(event)

    def close(self) -> None:
        """Close the writers of stages that did not end."""
        self._runs.close()

    def _start(self, event: Event) -> StageCurves:
        folder, step = str(self._folder / folder_name(event)), event.facts["step"]
        return StageCurves(self._new_writer(folder, purge_step=step), step)

    def _log(self, curves: StageCurves, points: Mapping[str, float], step: int) -> None:
        if step < curves.step:
            curves.writer.file_writer.add_event(self._restart, step)
        curves.step = step
        for name, value in points.items():
            curves.writer.add_scalar(name, value, step)


def folder_name(event: Event) -> str:
    """A folder for a stage: its label without path separators, and the start of its key."""
    label = "".join(char if char.isalnum() or char in "-+.," else "_" for char in event.stage.label)
    return f"{label}-{event.stage.key[:8]}"
