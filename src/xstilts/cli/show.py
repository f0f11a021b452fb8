"""What the commands print."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from xstilts.api import ExperimentStatus, Outlook
from xstilts.cli.progress import duration, size
from xstilts.core.errors import ConfigError
from xstilts.core.plan import State
from xstilts.core.store import Store
from xstilts.executors.local import Outcome
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

if TYPE_CHECKING:
    import pandas as pd

LAST_EVENTS = 10


def console() -> Console:
    """Standard output; wide enough for a table where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=140)


def outlook(seen: Outlook, *, whole: bool) -> None:
    """The plan: with `whole` every stage, and always the sums."""
    out = console()
    if whole:
        table = Table("stage", "state", "why", "time", "disk", box=box.SIMPLE, pad_edge=False)
        for stage in seen.compiled.plan.stages:
            standing = seen.standings[stage.key]
            todo = standing.state is State.TODO
            table.add_row(
                stage.label,
                standing.state,
                standing.why,
                duration(seen.stage_seconds[stage.key]) if todo else "",
                size(stage.cost.bytes) if todo else "",
            )
        out.print(table)
    states = Counter(standing.state for standing in seen.standings.values())
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    out.print(f"{len(seen.standings)} stages: {counts}", highlight=False)
    if seen.todo:
        basis = "measured in this store" if seen.measured else "a first guess for a CPU"
        out.print(
            f"expected: {duration(seen.seconds)} ({basis}), {size(seen.bytes)} of disk "
            f"({size(seen.free_bytes)} free)",
            highlight=False,
        )


def outcome(ended: Outcome, seen: Outlook) -> None:
    """How a run went; problems in full."""
    out = console()
    by_key = seen.compiled.plan.by_key
    if not ended.done and not ended.failed:
        out.print("nothing to do", highlight=False)
    for key, problem in ended.failed.items():
        out.print(f"[red]failed[/red] {by_key[key].label}", highlight=False)
        out.print(problem, markup=False, highlight=False, soft_wrap=True)
    reasons = Counter(ended.skipped.values())
    for why, count in reasons.items():
        out.print(f"{count} stages not run: {why}", markup=False, highlight=False)


def gains(table: pd.DataFrame, words: list[str]) -> None:
    """The gain table, or that there is none yet, and how to get the page.

    Args:
        words: what follows `xstilts report` to mean the same experiment and store.
    """
    from xstilts.reports.tables import terminal_table

    out = console()
    if table.empty:
        out.print("no gain to show: it takes a baseline and another setting with scores")
        return
    out.print(terminal_table(table))
    out.print(f"the whole report: xstilts report {shlex.join(words)}", highlight=False)


def status(store: Store, found: list[ExperimentStatus]) -> None:
    """Experiments with their counts, and the newest events."""
    out = console()
    if not found:
        raise ConfigError(
            f"no experiment was run in {store.root}", todo="xstilts run quickstart, or --store DIR"
        )
    table = Table("experiment", "stages", "done", "to do", "diverged", box=box.SIMPLE)
    for item in found:
        counts = [item.states.get(state, 0) for state in (State.DONE, State.TODO, State.DIVERGED)]
        table.add_row(item.name, *map(str, (item.stages, *counts)))
    out.print(table)
    for event in store.journal.last(LAST_EVENTS):
        when = time.strftime("%H:%M:%S", time.localtime(event["time"]))
        text = f"{when} {event['event']:8} {event.get('label', event.get('key', ''))}"
        problem = f": {event['problem']}" if "problem" in event else ""
        out.print(text + problem, markup=False, highlight=False)


def frame(table: pd.DataFrame, form: str, path: Path | None) -> None:
    """A frame on standard output or in a file."""
    from xstilts.reports.tables import table_text, write_table

    if path is not None:
        write_table(table, form, path)
        return
    if form == "parquet":
        raise ConfigError("parquet is not for the screen", todo="give --out FILE")
    sys.stdout.write(table_text(table, form))


def tasks(name: str | None) -> None:
    """All tasks in a table, or one with all its facts."""
    out = console()
    if name is not None:
        _task(out, name)
        return
    columns = ("task", "format", "train", "dev", "test", "languages", "licence", "source")
    table = Table(*columns, box=box.SIMPLE, pad_edge=False)
    for known in TASKS:
        task = TASKS.get(known)
        counts = (_examples(task, split) for split in ("train", "dev", "test"))
        languages = str(len(task.languages))
        table.add_row(known, task.format, *counts, languages, task.licence, task.source)
    out.print(table)


def _examples(task: TaskSpec, split: str) -> str:
    """How many examples a split has in all its languages."""
    if split not in task.splits:
        return "–"
    known = [count for (part, _), count in task.sizes.items() if part == split]
    return f"{sum(known):,}" if known else "?"


def _task(out: Console, name: str) -> None:
    task = TASKS.get(name)
    sizes = "; ".join(
        f"{split}: {', '.join(f'{code} {task.sizes[split, code]}' for code in codes)}"
        for split, codes in task.splits.items()
        if all((split, code) in task.sizes for code in codes)
    )
    facts = {
        "what": task.summary,
        "format": task.format,
        "metrics": ", ".join(task.metrics),
        "labels": f"{len(task.labels)}: {', '.join(task.labels)}" if task.labels else "",
        "splits": "; ".join(f"{split}: {' '.join(codes)}" for split, codes in task.splits.items()),
        "examples": sizes or "known when read",
        "source": task.source,
        "licence": task.licence,
        "cite": task.citation,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in facts.items():
        if value:
            table.add_row(key, value)
    out.print(f"[bold]{name}[/bold]")
    out.print(table)
