"""When a training saves a checkpoint: regularly, and when the run is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from xstilts.core.stopping import (
    SAVED_PER_SECOND,
    Stopped,
    fits_grace,
    stop_requested,
    take_checkpoint_request,
)
from xstilts.training.checkpoint import Checkpoint, Checkpoints
from xstilts.training.process_group import SINGLE, ProcessGroup, of_first

GO_ON, SAVE, STOP = range(3)


@dataclass
class CheckpointSchedule:
    """Saves checkpoints of one training.

    Process 0 of a divided training decides for all of them, and it alone saves.

    Args:
        minutes: between two checkpoints.
        group: the processes that divide the training.
    """

    checkpoints: Checkpoints
    minutes: float
    group: ProcessGroup = SINGLE
    _saved: float = field(default_factory=time.monotonic)
    _save_seconds: float | None = None
    """How long the last save took; none before the first."""

    def after_step(self, state: Callable[[], Checkpoint]) -> None:
        """Save the state after a step if a checkpoint is due or was requested.

        Raises:
            Stopped: a stop was requested. The state was saved before, if the time allows.
        """
        decision = of_first(self.group, self._decision() if self.group.rank == 0 else GO_ON)
        if decision == STOP:
            if self.group.rank == 0:
                self._save_if_time_allows(state())
            raise Stopped
        if decision == SAVE and self.group.rank == 0:
            self._save(state())

    def _decision(self) -> int:
        if stop_requested():
            return STOP
        is_due = time.monotonic() - self._saved > 60 * self.minutes
        return SAVE if take_checkpoint_request() or is_due else GO_ON

    def _save_if_time_allows(self, checkpoint: Checkpoint) -> None:
        size = sum(tensor.nbytes for tensor in checkpoint.tensors.values())
        if fits_grace(self._save_seconds or size / SAVED_PER_SECOND):
            self._save(checkpoint)

    def _save(self, checkpoint: Checkpoint) -> None:
        started = time.monotonic()
        self.checkpoints.save(checkpoint)
        self._saved = time.monotonic()
        self._save_seconds = self._saved - started
