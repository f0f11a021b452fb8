"""Why a worker process has ended, in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from xstilts.core.machine_memory import total_memory
from xstilts.core.stopping import STOPPED


@dataclass(frozen=True)
class WorkerDeath:
    """The end of a worker process in the middle of a stage.

    Args:
        code: its exit code, or minus the signal that ended it.
        kills_before, kills_after: see `core.machine_memory.oom_kills`.
        expected: bytes of the stage at its peak; None if not estimated.
        with_server: whether the process that forks workers had ended, and the kernel ended the
            worker for it; `code` is that of this process.
    """

    code: int
    kills_before: int | None
    kills_after: int | None
    expected: int | None = None
    with_server: bool = False

    @property
    def text(self) -> str:
        """What happened, and what to do if memory was exhausted."""
        if self.code == STOPPED:
            return "its process was stopped by SIGTERM or SIGUSR1, which this run did not get"
        how = signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}"
        ended = f"its process ended with {how}"
        if self.with_server:
            ended = f"the process that forks workers ended with {how}, and its workers with it"
        if self.code == -signal.SIGKILL and (self.kills_after or 0) > (self.kills_before or 0):
            return f"{ended}: the kernel killed it because memory was exhausted{self._sizes}"
        if self.code != -signal.SIGKILL or self.with_server:
            return f"{ended} (see worker.log in the store)"
        return (
            f"{ended}, perhaps for lack of memory{self._sizes}"  # not every container counts them
        )

    @property
    def _sizes(self) -> str:
        total = total_memory()
        has = f"; this machine has {total / 1e9:.1f} GB" if total else ""
        needs = f"; the stage needs about {self.expected / 1e9:.1f} GB" if self.expected else ""
        return f"{needs}{has}: use fewer --workers, a lower max_length or gradient_checkpointing"
