"""Progress of a run: a live tree on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text
from rich.tree import Tree

from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.console import TextConsole, discard_output
from xstilts.cli.problem_lines import ProblemLines
from xstilts.core.plan import StageState
from xstilts.core.stage import Stage
from xstilts.core.units import duration
from xstilts.executors.events import Event, Listener, progress_text
from xstilts.executors.remaining_time import RemainingTime

PLAIN_EVERY = 15.0
"""Seconds between two plain progress lines."""


@dataclass(frozen=True)
class Work:
    """The stages of a plan, and what is to do of them.

    Args:
        stages: all of them, in plan order.
        todo, done: keys of those that will run, and that are done.
        stage_seconds: key → expected seconds in one process.
        seconds: expected for what is to do.
        workers: how many stages run at a time, as far as that is known.
    """

    stages: Sequence[Stage]
    todo: Collection[str]
    done: Collection[str]
    stage_seconds: Mapping[str, float]
    seconds: float
    workers: int = 1


def progress(summary: PlanSummary, *, quiet: bool = False) -> AbstractContextManager[Listener]:
    """An event listener that shows a run's progress until the block ends.

    Args:
        quiet: show nothing.
    """
    todo = [stage.key for stage in summary.todo]
    done = [key for key, one in summary.statuses.items() if one.state is StageState.DONE]
    stages, seconds = summary.compiled.plan.stages, summary.stage_seconds
    work = Work(stages, todo, done, seconds, summary.seconds, summary.workers)
    return _progress(work, quiet=quiet)


def stage_progress(stages: Sequence[Stage]) -> AbstractContextManager[Listener]:
    """The same for stages that all run, one after another."""
    seconds = {stage.key: stage.cost.seconds for stage in stages}
    return _progress(Work(stages, list(seconds), (), seconds, sum(seconds.values())))


@contextmanager
def _progress(work: Work, *, quiet: bool = False) -> Iterator[Listener]:
    state = ProgressState(work)
    if quiet or not work.todo:
        yield state.on_event
        return
    console = TextConsole(stderr=True)

    def show(shown: Text) -> None:
        console.print(shown, soft_wrap=not sys.stderr.isatty())

    lines = ProblemLines(show, line)
    if not sys.stderr.isatty():
        with _while_readable(_plain(state, lines, console), lines) as on_event:
            yield on_event
        return
    with Live(get_renderable=state.render, console=console, refresh_per_second=4, transient=True):

        def both(event: Event) -> None:
            state.on_event(event)
            lines.on_event(event)

        with _while_readable(both, lines) as on_event:
            yield on_event


@contextmanager
def _while_readable(listener: Listener, lines: ProblemLines) -> Iterator[Listener]:
    """The listener until its output cannot be written any more: a run goes on without it."""
    is_readable = True

    def attempt(action: Callable[[], None]) -> None:
        nonlocal is_readable
        if is_readable:
            try:
                action()
            except OSError:
                is_readable = False
                discard_output(sys.stderr.fileno())

    yield lambda event: attempt(lambda: listener(event))
    attempt(lines.close)


class ProgressState:
    """Stages that are closed and running, and the time left."""

    def __init__(self, work: Work) -> None:
        self.work = work
        todo = frozenset(work.todo)
        self.total = {stage.key: stage for stage in work.stages if stage.key in todo}
        self.done = frozenset(work.done)
        self.closed: set[str] = set()
        self.running: dict[str, tuple[str, str]] = {}
        self.started = time.monotonic()
        weights = {key: work.stage_seconds[key] for key in self.total}
        self.remaining = RemainingTime(list(self.total.values()), weights, work.workers)
        self.kinds = list(dict.fromkeys(stage.kind for stage in work.stages))

    def on_event(self, event: Event) -> None:
        """Update the state from one event."""
        key = event.stage.key
        self.remaining.on_event(event)
        if event.kind in ("started", "progress"):
            self.running[key] = (event.stage.label, progress_text(event))
        if event.kind in ("done", "failed", "skipped"):
            self.running.pop(key, None)
            self.closed.add(key)

    def eta(self) -> str:
        """Time left, estimated from the work done so far."""
        left = self.remaining.seconds(time.monotonic() - self.started)
        return f"about {duration(self.work.seconds)}" if left is None else duration(left)

    def headline(self) -> str:
        """Stages closed, time spent and time left."""
        spent = duration(time.monotonic() - self.started)
        done = len(self.closed & self.total.keys())
        return f"{done}/{len(self.total)} stages, {spent}, {self.eta()} left"

    def render(self) -> RenderableType:
        """The progress tree of a terminal."""
        tree = Tree(Text(self.headline(), style="bold"))
        for kind in self.kinds:
            keys = [stage.key for stage in self.work.stages if stage.kind == kind]
            if not keys:
                continue
            done = sum(self._is_done(key) for key in keys)
            bar = Progress(
                TextColumn("{task.description:<8}", markup=False),
                BarColumn(24),
                MofNCompleteColumn(),
            )
            bar.add_task(kind, total=len(keys), completed=done)
            branch = tree.add(bar)
            for key in keys:
                if key in self.running:
                    label, text = self.running[key]
                    branch.add(Text(f"{label}  {text}", overflow="ellipsis", no_wrap=True))
        return Group(tree)

    def _is_done(self, key: str) -> bool:
        return key in self.closed or key in self.done


def line(event: Event) -> Text:
    """One event as one line."""
    facts, label = event.facts, event.stage.label
    if event.kind == "failed":
        return Text(f"✗ {label}: {facts['problem']}", style="red")
    if event.kind == "note":
        return Text(f"! {label}: {facts['problem']}", style="yellow")
    if "diverged" in facts:
        return Text(f"✗ {label} diverged: {facts['diverged']}", style="red")
    dev = ", ".join(f"{task} {100 * score:.1f}" for task, score in facts.get("dev", {}).items())
    collapsed = f", collapsed: {', '.join(facts['collapsed'])}" if facts.get("collapsed") else ""
    scores = f" (dev {dev}{collapsed})" if dev else ""
    events = "".join(f"; {text}" for text in facts.get("events", ()))
    return Text(f"✓ {label}{scores}, {duration(facts.get('seconds', 0))}{events}")


def _plain(state: ProgressState, lines: ProblemLines, console: Console) -> Listener:
    last = 0.0

    def on_event(event: Event) -> None:
        nonlocal last
        state.on_event(event)
        lines.on_event(event)
        if time.monotonic() - last > PLAIN_EVERY:
            last = time.monotonic()
            running = "; ".join(f"{label} {text}".strip() for label, text in state.running.values())
            console.print(Text(f"{state.headline()}: {running}"), soft_wrap=True)

    return on_event
