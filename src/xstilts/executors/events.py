"""What an executor says while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from xstilts.core.stage import Stage

Kind = Literal["started", "progress", "done", "failed", "skipped", "note"]


@dataclass(frozen=True)
class Event:
    """One thing that happened to a stage.

    `facts` of a progress event are what the stage told (step, steps, loss, …); of a failure
    `problem` and, for unforeseen ones, `traceback`.
    """

    kind: Kind
    stage: Stage
    facts: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]
