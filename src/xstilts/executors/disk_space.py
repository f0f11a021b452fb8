"""Whether the disk has the space that a stage needs, before the stage starts."""

from __future__ import annotations

from collections.abc import Iterable

from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.disk import stage_disk

MINOR = 10_000_000
"""Bytes below which a stage is not checked."""


class DiskSpace:
    """The free space of a store's disk, against what stages need.

    Args:
        checked: False: every stage fits.
    """

    def __init__(self, store: Store, *, checked: bool = True) -> None:
        self.store, self.checked = store, checked

    def problem(self, stage: Stage, running: Iterable[Stage]) -> str:
        """What a stage lacks, in words; empty if it fits.

        Args:
            running: stages that may still write what they need.
        """
        needed = stage_disk(stage)
        if not self.checked or needed < MINOR:
            return ""
        reserved = sum(map(stage_disk, running))
        free = self.store.free_bytes()
        if needed + reserved <= free:
            return ""
        return (
            f"{stage.label} needs about {needed / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are "
            f"free for {self.store.root}\n"
            "  → free some space, or set keep_weights: none, and run again: finished stages are "
            "kept; --ignore-disk starts the stage anyway"
        )
