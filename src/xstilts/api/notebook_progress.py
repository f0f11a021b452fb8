"""Progress of a run in a notebook; IPython is used only where it runs already."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from xstilts.core.units import duration
from xstilts.executors.events import Event, Listener, ignore_events, progress_text
from xstilts.executors.remaining_time import CLOSED, RemainingTime

if TYPE_CHECKING:
    from xstilts.api.plan_summary import PlanSummary

EVERY = 0.5
"""Seconds between two updates."""


def in_notebook() -> bool:
    """Whether this code runs in the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def notebook_progress(summary: PlanSummary) -> Iterator[Listener]:
    """A listener that shows a run's progress below the cell until the block ends."""
    if not summary.todo:
        yield ignore_events
        return
    from IPython.display import HTML, display

    shown = ProgressHtml(summary)
    output = display(HTML(shown.html()), display_id=True)
    updated = time.monotonic()

    def on_event(event: Event) -> None:
        nonlocal updated
        shown.on_event(event)
        if time.monotonic() - updated > EVERY:
            output.update(HTML(shown.html()))
            updated = time.monotonic()

    try:
        yield on_event
    finally:
        output.update(HTML(shown.html()))


class ProgressHtml:
    """What has been done of a plan, what is running, and what failed, as HTML."""

    def __init__(self, summary: PlanSummary) -> None:
        self.expected = summary.seconds
        self.todo = {stage.key for stage in summary.todo}
        seconds = {key: summary.stage_seconds[key] for key in self.todo}
        self.remaining = RemainingTime(summary.todo, seconds, summary.workers)
        self.started = time.monotonic()
        self.closed: set[str] = set()
        self.running: dict[str, str] = {}
        self.problems: list[str] = []

    def on_event(self, event: Event) -> None:
        """Update the state from one event."""
        key, label = event.stage.key, event.stage.label
        self.remaining.on_event(event)
        if event.kind in ("started", "progress"):
            self.running[key] = f"{label} {progress_text(event)}".strip()
        if event.kind in CLOSED:
            self.running.pop(key, None)
            self.closed.add(key)
        if event.kind in ("failed", "note"):
            self.problems.append(f"{label}: {event.facts.get('problem', '')}")

    def html(self) -> str:
        """A bar, the time left, running stages and problems."""
        done, total = len(self.closed & self.todo), len(self.todo)
        spent = time.monotonic() - self.started
        left = self.remaining.seconds(spent)
        rest = (
            ""
            if done == total
            else f", about {duration(self.expected if left is None else left)} left"
        )
        head = (
            f'<div><progress value="{done}" max="{max(total, 1)}"></progress> '
            f"{done}/{total} stages, {duration(spent)}{rest}</div>"
        )
        lines = [*self.running.values(), *self.problems]
        return head + "".join(f"<div><small>{escape(line)}</small></div>" for line in lines)
