"""Drops large files of a plan's stages while it runs, once every stage that reads them is done."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.dropped import drop, finish_drop, is_dropped
from xstilts.core.errors import StoreError
from xstilts.core.leases import Lease
from xstilts.core.pins import Pins
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.executors.recorded_needs import RecordedNeeds

LARGE = (".safetensors", ".npy")
"""Endings of the files that are dropped: weights, and vectors of sentences."""
WHY = "keep_weights: every stage that reads them was done"
logger = logging.getLogger(__name__)


class Retention:
    """Frees disk during one run of a plan.

    Args:
        plan: `plan.droppable` are the stages whose files go.

    Attributes:
        freed: bytes so far.
    """

    def __init__(self, store: Store, plan: Plan) -> None:
        self.store, self.plan = store, plan
        self.freed = 0
        self._needs = RecordedNeeds(store)
        self._readers: dict[str, list[str]] = {}
        if plan.droppable:
            for stage in plan.stages:
                for key in plan.droppable.intersection(stage.inputs.values()):
                    self._readers.setdefault(key, []).append(stage.key)

    def drop_unneeded(self, finished: Collection[str], blocked: Collection[str]) -> None:
        """Drop what no stage needs, and finish what an earlier run has begun to drop.

        Args:
            finished: keys of stages that are done.
            blocked: keys of stages that will not run, as an input has no output.
        """
        self._drop_all(self._readers, finished, blocked)

    def after(self, key: str, finished: Collection[str], blocked: Collection[str]) -> None:
        """Drop what no stage needs any more, now that this one is done."""
        if self._readers:
            inputs = self.plan.by_key[key].inputs.values()
            self._drop_all((key, *inputs), finished, blocked)

    def _drop_all(
        self, keys: Iterable[str], finished: Collection[str], blocked: Collection[str]
    ) -> None:
        for key in keys:
            readers = self._readers.get(key)
            if not readers or key not in finished:
                continue
            if all(reader in finished or reader in blocked for reader in readers):
                self._drop(key, blocked)

    def _drop(self, key: str, blocked: Collection[str]) -> None:
        try:
            if is_dropped(artifact := self.store.artifact(key)):
                self._finish(artifact)
            elif self._large_files(key) and not self._is_needed(key, blocked):
                with self.store.leases.hold(key) as lease:
                    if isinstance(lease, Lease) and (names := self._large_files(key)):
                        self._free(artifact, names)
        except (OSError, DamagedArtifact, StoreError) as error:
            logger.warning("files of artifact %s were not dropped: %s", key[:12], error)

    def _is_needed(self, key: str, blocked: Collection[str]) -> bool:
        """Whether a pin or a recorded experiment keeps a stage's files, as of now."""
        return Pins(self.store.root).is_pinned(key) or self._needs.includes(key, blocked)

    def _free(self, artifact: Artifact, names: Iterable[str]) -> None:
        freed = drop(artifact, names, WHY)
        self.freed += freed
        label = self.plan.by_key[artifact.key].label
        self.store.journal.write("dropped", key=artifact.key, label=label, bytes=freed)

    def _finish(self, artifact: Artifact) -> None:
        """Remove what a stopped run has left of the files that it dropped.

        Under the lease, as another process may be about to publish the artifact again.
        """
        large = [name for name in artifact.manifest["files"] if _is_large(name)]
        if not any(os.path.lexists(artifact.path / name) for name in large):
            return
        with self.store.leases.hold(artifact.key) as lease:
            if isinstance(lease, Lease) and is_dropped(artifact):
                self.freed += self._removed(artifact, large)

    def _removed(self, artifact: Artifact, large: Collection[str]) -> int:
        """Remove the rest of a dropped artifact; return the bytes freed."""
        try:
            return finish_drop(artifact)
        except DamagedArtifact:  # of the marker: write it again
            return drop(artifact, large, WHY)

    def _large_files(self, key: str) -> list[str]:
        """The files of a complete artifact that can be dropped."""
        artifact = self.store.get_valid(key)
        return [name for name in artifact.manifest["files"] if _is_large(name)] if artifact else []


def _is_large(name: str) -> bool:
    return name.endswith(LARGE)
