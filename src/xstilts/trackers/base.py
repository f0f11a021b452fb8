"""What a tracker is: it gets every event of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from xstilts.executors.events import Event


@dataclass(frozen=True)
class RunInfo:
    """What a tracker is given before a run begins.

    Args:
        experiment: its name.
        folder: where the tracker may write; need not exist.
        config: the experiment as JSON.
    """

    experiment: str
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)


class Tracker(Protocol):
    """Records a run. One that raises is disabled with a warning, and the run goes on."""

    def on_event(self, event: Event) -> None:
        """Record one event."""
        ...

    def close(self) -> None:
        """Write what is still in memory. Called once, however the run ends."""
        ...


TrackerFactory = Callable[[RunInfo], Tracker]
"""Makes the tracker of a run.

Raises:
    MissingPackageError: the package that it logs to is not installed.
    ConfigError: it cannot log in to its server.
"""
