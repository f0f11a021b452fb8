"""A worker without a process, for pools of tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xstilts.core.stage import Stage


@dataclass(eq=False, kw_only=True)
class InMemoryWorker:
    """What a run loop reads of a worker, and the messages that it has not read yet."""

    stage: Stage | None = None
    affinity: str = ""
    host: str = ""
    is_ready: bool = True
    unread: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> list[dict[str, Any]] | None:
        """The messages since the last call."""
        messages, self.unread = self.unread, []
        return messages
