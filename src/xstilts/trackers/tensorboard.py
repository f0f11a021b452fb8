"""Learning curves in TensorBoard."""

from __future__ import annotations

from typing import Any

from xstilts.core.errors import MissingPackageError
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.event_metrics import curve_points

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
        self._writers: dict[str, Any] = {}

    def on_event(self, event: Event) -> None:
        """Add the event's numbers to the curves of its stage."""
        key, points = event.stage.key, curve_points(event)
        if points and key not in self._writers:
            self._writers[key] = self._new_writer(str(self._folder / folder_name(event)))
        for name, value in points.items():
            self._writers[key].add_scalar(name, value, event.facts["step"])
        if event.kind in ("done", "failed") and key in self._writers:
            self._writers.pop(key).close()

    def close(self) -> None:
        """Close the writers of stages that did not end."""
        for writer in self._writers.values():
            writer.close()


def folder_name(event: Event) -> str:
    """A folder for a stage: its label without path separators, and the start of its key."""
    label = "".join(char if char.isalnum() or char in "-+.," else "_" for char in event.stage.label)
    return f"{label}-{event.stage.key[:8]}"
