"""Failures of a run as lines: each once, with the number of stages that are skipped for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.text import Text

from xstilts.core.counted import counted
from xstilts.executors.events import Event


@dataclass
class ProblemLines:
    """Shows failures and notes as they come, and skipped stages in one line per reason.

    Args:
        show: prints a line.
        line: an event as a line.
    """

    show: Callable[[Text], None]
    line: Callable[[Event], Text]
    skipped: Counter[str] = field(default_factory=Counter)

    def on_event(self, event: Event) -> None:
        """Show what people must know of an event."""
        if event.kind == "skipped":
            self.skipped[event.facts["why"]] += 1
            return
        self.close()
        if event.kind in ("failed", "note") or (
            event.kind == "done" and event.stage.kind == "train"
        ):
            self.show(self.line(event))

    def close(self) -> None:
        """Show the stages that were skipped since the last event."""
        for why, count in self.skipped.items():
            self.show(Text(f"– {counted(count, 'stage')} skipped: {why}", style="yellow"))
        self.skipped.clear()
