"""How often a stage was begun or lost without progress, and when that is too often.

One rule holds for all executors. Progress is a new checkpoint, whoever has saved it: what was
counted before it counts no more. A run counts in memory; processes of a submission count through
its folder, as the next attempt is that of another process, and a job that ends with its node says
nothing: they count what was started and has neither ended nor lost its worker.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from xstilts.core.artifact import ABSENT
from xstilts.core.hashing import digest_of
from xstilts.core.store import Store
from xstilts.executors.failures import SubmissionFailures

MAX_DEATHS = 2
"""How often a stage may lose its worker process before it has failed: it is the likely cause."""
MAX_INTERRUPTIONS = 5
"""How often its node may be lost, or its job preempted or at its time limit: the stage is not the
cause, unless it needs longer than a job has."""
DIED, INTERRUPTED, STARTED = "died", "interrupted", "started"
USED_UP = (
    f"it was started {MAX_INTERRUPTIONS} times, and each time its job was preempted, lost its node "
    "or reached its time limit before a checkpoint was saved\n"
    "  → give a longer --time, or a lower checkpoint_minutes in the recipe of a training, and run "
    "the command again"
)


class Attempts:
    """Counts the attempts at the stages of a run.

    Args:
        shared: failures of all processes that run this submission, if there are several.
    """

    def __init__(self, store: Store, shared: SubmissionFailures | None = None) -> None:
        self._store, self._shared = store, shared
        self._losses: Counter[tuple[str, str]] = Counter()
        self._starts: dict[str, Path] = {}

    def count_loss(self, key: str, *, with_machine: bool = False) -> bool:
        """Count the loss of a stage's worker; return whether the stage may be tried once more."""
        what, limit = (INTERRUPTED, MAX_INTERRUPTIONS) if with_machine else (DIED, MAX_DEATHS)
        name = self._name(key, what)
        if self._shared:
            return int(self._shared.count(key, name).suffix[1:]) < limit
        self._losses[key, name] += 1
        return self._losses[key, name] < limit

    def begin(self, key: str) -> None:
        """Count the start of a stage, if other processes may have to continue it.

        An earlier one of this process was stopped, and stays counted.
        """
        if self._shared:
            self._starts[key] = self._shared.count(key, self._name(key, STARTED))

    def end(self, key: str) -> None:
        """Forget the start of a stage that has ended by itself, or whose loss was counted."""
        if start := self._starts.pop(key, None):
            start.unlink(missing_ok=True)

    def are_used_up(self, key: str) -> bool:
        """Whether a stage was started too often, if nobody is working on it now."""
        if not self._shared:
            return False
        return self._shared.has_counted(key, self._name(key, STARTED), MAX_INTERRUPTIONS)

    def _name(self, key: str, what: str) -> str:
        return f"{what}.{progress(self._store, key)}"


def progress(store: Store, key: str) -> str:
    """A name for what the checkpoints of a stage hold; the same as long as none is saved."""
    root = store.checkpoint_path(key)
    sizes = dict[str, int]()
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = (name for name in subfolders if not name.startswith("."))  # incomplete
        for path in (Path(folder, name) for name in files):
            with suppress(*ABSENT):  # the holder has removed an old one
                sizes[path.relative_to(root).as_posix()] = path.stat().st_size
    return digest_of(sizes)[:12]
