"""What an executor reports while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from xstilts.core.stage import Stage

Kind = Literal["started", "progress", "done", "failed", "skipped", "note"]
LOST = "lost"
"""The message of a worker that ends because a process which divides its stage was lost."""


@dataclass(frozen=True)
class Event:
    """One thing that happened to a stage.

    Args:
        facts: of `progress`: what the stage reported (step, steps, loss, dev, …); of `done`: its
            facts and `seconds`; of `failed`: `problem` and, if unforeseen, `traceback`; of
            `skipped`: `why`; of `note`: `problem`.
    """

    kind: Kind
    stage: Stage
    facts: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


def ignore_events(_event: Event) -> None:
    """The listener that does nothing."""


def progress_text(event: Event) -> str:
    """The latest step, loss and dev scores of a running stage."""
    facts = event.facts
    if "step" not in facts:
        return ""
    parts = [f"{facts.get('unit', 'step')} {facts['step']}/{facts['steps']}"]
    if "loss" in facts:
        parts += [f"loss {facts['loss']:.3f}", f"{facts['examples_per_second']:.0f} examples/s"]
    for task, score in facts.get("dev", {}).items():
        parts.append(f"dev {task} {100 * score:.1f}")
    return ", ".join(parts)
