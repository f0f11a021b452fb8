"""What a training run records, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from xstilts.core.notices import notice


@dataclass
class Log:
    """Losses, dev scores and events of a run. Field names are keys in checkpoints."""

    losses: list[float] = field(default_factory=list)
    dev_steps: list[int] = field(default_factory=list)
    dev_scores: list[dict[str, float]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    best_step: int = 0
    best_score: float = -1.0
    best_decay: float = 1.0
    decay: float = 1.0
    stale: int = 0
    collapsed: list[str] = field(default_factory=list)
    watched: list[Any] = field(default_factory=list)
    precision: str = "fp32"
    halved_slices: list[str] = field(default_factory=list)
    """A note for each time that slices were halved for lack of memory."""
    computed_with: str = ""
    """What the latest steps were computed with; see `computed_with`."""
    moved: list[str] = field(default_factory=list)
    """A note for each resumption with another version or kind or number of devices."""

    @property
    def dev_evaluations(self) -> list[dict[str, Any]]:
        """Step and scores of each dev evaluation, as JSON."""
        pairs = zip(self.dev_steps, self.dev_scores, strict=True)
        return [{"step": step, "scores": scores} for step, scores in pairs]


@dataclass(frozen=True)
class Trained:
    """Result of a run; independent of interruptions, except `notes`.

    Args:
        state: weights of the best model on dev.
        steps: number of optimizer steps.
        notes: precision and resumptions.
        diverged: where the run diverged, if it did.
    """

    state: dict[str, Tensor]
    log: Log
    steps: int
    notes: tuple[str, ...]
    diverged: str | None = None


def computed_with(device: torch.device, size: int) -> str:
    """What the bits of a training's steps depend on besides its key: torch, device and number."""
    name = f"a CPU with {torch.backends.cpu.get_cpu_capability()}"
    if device.type == "cuda":
        name = torch.cuda.get_device_name()
    return f"torch {torch.__version__} on {name}" + (f" × {size}" if size > 1 else "")


def resumed_log(facts: Mapping[str, Any], step: int, now: str) -> Log:
    """The log of a checkpoint after a step, for a run that goes on with `now`."""
    log = Log(**facts)
    if log.computed_with not in ("", now):  # empty in checkpoints of earlier versions
        text = f"{step} steps computed with {log.computed_with}, further ones with {now}"
        log.moved.append(text)
        notice(text)
    log.computed_with = now
    return log
