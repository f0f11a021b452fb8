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
