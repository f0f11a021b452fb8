"""Slices of an experiment that gives a task to a command which shows its splits in full."""

from __future__ import annotations

import logging

from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.suites import ALL

logger = logging.getLogger(__name__)


def note_unapplied_slices(resolved: ResolvedExperiment, task: TaskSpec) -> None:
    """Say what an experiment reads as train, dev and test, if not the splits of these names."""
    shares = {part: resolved.split_slice(task, part).name for part in ALL}
    listed = ", ".join(f"{part}: {name}" for part, name in shares.items() if name != part)
    if listed:
        logger.warning(
            "every split of %s is shown in full; the experiment reads slices (%s)",
            task.name,
            listed,
        )
