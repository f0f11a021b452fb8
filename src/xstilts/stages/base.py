"""What a kind of stage is, and what its function is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.core.stage import Stage, declare_blocking_fact
from xstilts.core.store import Artifact

DIVERGED = declare_blocking_fact("diverged")
"""The fact of a training whose loss became NaN or infinite; it has no weights."""


@dataclass
class StageContext:
    """A stage at work: what to do, where to read and write, and how to tell.

    Args:
        folder: write the artifact's files here.
        checkpoints: where a long stage may keep its way back.
        tell: called with progress, e.g. {"step": 3, "steps": 50, "loss": 0.7}.
        notes: goes into provenance: what happened on the way, not what was found.
        features: where stages share prepared features; none: every stage makes its own.
    """

    stage: Stage
    inputs: Mapping[str, Artifact]
    folder: Path
    checkpoint_folder: Path
    report_progress: Callable[[dict[str, Any]], None]
    notes: list[str] = field(default_factory=list)
    features: Path | None = None

    @property
    def params(self) -> Mapping[str, Any]:
        """The stage's parameters."""
        return self.stage.params


StageKind = Callable[[StageContext], dict[str, Any]]
"""Does the work in `folder` and returns the facts for the manifest."""
