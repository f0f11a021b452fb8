"""Artifacts that workers of a run have found damaged: whether they are so for its scheduler too.

A machine with bad memory, or a network file system that shows it an old state, must not have good
artifacts removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from xstilts.core.artifact import DamagedArtifact
from xstilts.core.errors import StoreError
from xstilts.core.store import Store

MAX_REBUILDS = 2
"""How often a damaged artifact is rebuilt: the next damage is not that of the artifact alone."""
BUT_INTACT = (
    ", and is intact for the process that gave the stage to the worker\n"
    "  → check the memory of the worker's machine, and its mount of the store"
)
BUT_STAYS = ", and cannot be moved to damaged/: "
BUT_UNREADABLE = ", and the process that gave the stage to the worker cannot check that: "


class DamagedInputs:
    """The damaged artifacts of a run.

    Several workers may read one damaged artifact at the same time: what the others report counts
    for nothing, as it may be rebuilt by then.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rebuilt: Counter[str] = Counter()
        self._readers: dict[str, set[str]] = {}
        """Key of an artifact → keys of stages that may have read it before it was set aside."""

    def was_set_aside(self, key: str, reader: str) -> bool:
        """Whether a stage reports an artifact that was set aside while it ran; forgets that."""
        readers = self._readers.get(key, set())
        is_known = reader in readers
        readers.discard(reader)
        return is_known

    def doubt(self, key: str) -> str:
        """Why an artifact that a worker has found damaged stays; empty if this process agrees."""
        try:
            return "" if self._store.get_dropped(key) or self._is_damaged(key) else BUT_INTACT
        except StoreError as error:
            return f"{BUT_UNREADABLE}{error}"

    def set_aside(self, key: str, problem: str, running: Iterable[str]) -> str:
        """Quarantine an artifact, so that it and what needs it are to do again.

        Returns why it stays where the store refuses that; else empty.

        One that another run has dropped meanwhile is to do as well.

        Args:
            running: keys of the stages that workers have.

        Raises:
            StoreError: it was damaged again after it was rebuilt.
        """
        if self._rebuilt[key] == MAX_REBUILDS:
            raise StoreError(
                f"{problem} again, after it was rebuilt",
                todo="check the store's disk, and whether other runs use this store",
            )
        try:
            if not self._store.get_dropped(key):
                self._store.quarantine(key)
        except StoreError as error:
            return f"{BUT_STAYS}{error}"
        self._rebuilt[key] += 1
        self._readers.setdefault(key, set()).update(running)
        return ""

    def _is_damaged(self, key: str) -> bool:
        """Whether a published artifact is damaged, as this process reads it."""
        self._store.look_again()
        try:
            self._store.artifact(key).check_digests()
        except DamagedArtifact:
            return True
        return False
