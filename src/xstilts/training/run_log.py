"""What a training run records, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


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


def warmup_events(warmup_steps: int | None, steps: int) -> list[str]:
    """A note if the warm-up is not over before the last step, so that the peak is not reached."""
    if warmup_steps is None or warmup_steps < steps:
        return []
    reached = f"{warmup_steps:,} warmup_steps of {steps:,}"
    return [f"the learning rate still rises at the last step: {reached}"]
