"""Limits of an experiment that gives tasks to commands which read all examples."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec

logger = logging.getLogger(__name__)


def note_unapplied_limits(
    resolved: ResolvedExperiment, tasks: Iterable[TaskSpec], split: str, instead: str = ""
) -> None:
    """Say which limits of an experiment do not apply.

    Args:
        instead: the option that limits the command, in words.
    """
    limits = {task.name: resolved.limit(task.name, split) for task in tasks}
    listed = ", ".join(f"{name} {limit:,}" for name, limit in limits.items() if limit)
    if listed:
        more = f"; {instead}" if instead else ""
        logger.warning("limits of the experiment do not apply here (%s)%s", listed, more)
