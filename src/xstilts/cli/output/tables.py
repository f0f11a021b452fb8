"""What the commands print."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from xstilts.api.plan_summary import PlanSummary
from xstilts.api.status import ExperimentStatus
from xstilts.cli.progress import duration, size
from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.formats import FORMATS
from xstilts.planning.cost import TFLOPS, gpu_hours
from xstilts.planning.data_sources import DataSource
from xstilts.planning.resolve import DEFAULT_ROWS
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.claims.judge import Judgement
    from xstilts.reports.sections import Section
    from xstilts.reports.xtreme.write import Submission

LAST_EVENTS = 10
LISTED = 1000
"""Stages that a plan lists one by one."""


def console() -> Console:
    """Standard output; wide enough for a table where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=140)


def outlook(seen: PlanSummary, *, whole: bool, every: bool = False, tflops: float = TFLOPS) -> None:
    """The plan: with `whole` its stages, what a GPU would need and what data; always the sums.

    Stages of a large plan are summed up by kind, unless `every` one is asked for.
    """
    out = console()
    if whole:
        many = not every and len(seen.statuses) > LISTED
        out.print(_by_kind(seen) if many else _by_stage(seen))
        if many:
            out.print("every stage by name: xstilts plan … --all", highlight=False)
    states = Counter(status.state for status in seen.statuses.values())
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    out.print(f"{len(seen.statuses)} stages: {counts}", highlight=False)
    if seen.todo:
        basis = "measured in this store" if seen.measured else "a first guess for a CPU"
        out.print(
            f"expected: {duration(seen.seconds)} ({basis}), {size(seen.bytes)} of disk "
            f"({size(seen.free_bytes)} free)",
            highlight=False,
        )
    if seen.todo and whole:
        for line in (_price(seen, tflops), *_data(seen.supplies)):
            out.print(line, markup=False, highlight=False, soft_wrap=True)


def _by_stage(seen: PlanSummary) -> Table:
    table = Table("stage", "state", "why", "time", "disk", box=box.SIMPLE, pad_edge=False)
    for stage in seen.compiled.plan.stages:
        status = seen.statuses[stage.key]
        todo = status.state is StageState.TODO
        table.add_row(
            stage.label,
            status.state,
            status.why,
            duration(seen.stage_seconds[stage.key]) if todo else "",
            size(stage.cost.bytes) if todo else "",
        )
    return table


def _by_kind(seen: PlanSummary) -> Table:
    """Stages of each kind: how many, how many to do, and what these need."""
    table = Table("stages", box=box.SIMPLE, pad_edge=False)
    for name in ("in all", "to do", "time", "disk"):
        table.add_column(name, justify="right")
    for kind, count in Counter(stage.kind for stage in seen.compiled.plan.stages).items():
        todo = [stage for stage in seen.todo if stage.kind == kind]
        seconds = sum(seen.stage_seconds[stage.key] for stage in todo)
        needed = (duration(seconds), size(sum(stage.cost.bytes for stage in todo)))
        table.add_row(kind, f"{count:,}", f"{len(todo):,}", *(needed if todo else ("", "")))
    return table


def _price(seen: PlanSummary, tflops: float) -> str:
    """What is to do in a GPU's hours, as an assumption."""
    hours = gpu_hours(seen.operations, tflops)
    return (
        f"{seen.operations:.1e} floating-point operations: "
        f"{f'{hours:,.1f}' if hours >= 1 else f'{hours:.1g}'} GPU-hours, "
        f"if a GPU sustains {tflops:g} TFLOP/s (assumed, not measured; change it: --tflops)"
    )


def _data(supplies: Sequence[DataSource]) -> Iterator[str]:
    """The data that are missing, come from the hub, or are of unknown size."""
    for one in supplies:
        if not one.origin:
            codes = " ".join(code for code in one.languages if ":" not in code)
            what = f"{one.task} {one.split} ({codes})"
            yield f"missing: {what}: no file of yours (--data), and the hub has none"
    hub = [one for one in supplies if one.origin == "hub"]
    if hub:
        count = sum(len(one.languages) for one in hub)
        yield f"{count} splits by language come from the hub: {_named(hub)}"
    if guessed := [one for one in supplies if one.guessed]:
        yield (
            f"of unknown size, counted as {DEFAULT_ROWS:,} examples per language: {_named(guessed)}"
        )


def _named(supplies: Sequence[DataSource]) -> str:
    """Mnli train dev, xnli test"""
    splits: dict[str, dict[str, None]] = {}
    for one in supplies:
        splits.setdefault(one.task, {})[one.split] = None
    return ", ".join(f"{task} {' '.join(found)}" for task, found in splits.items())


def outcome(ended: RunResult, seen: PlanSummary) -> None:
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
    out.print(
        f"the whole report: xstilts report {shlex.join(words)}", highlight=False, markup=False
    )


def xtreme(section: Section | None) -> None:
    """XTREME's table, if there is one, with what must be known of it."""
    from xstilts.reports.tables import for_terminal

    if section is not None:
        caption = "\n".join(section.notes)
        console().print(for_terminal(section.table, ("intermediate",), caption))


def status(store: Store, found: list[ExperimentStatus]) -> None:
    """Experiments with their counts, and the newest events."""
    out = console()
    if not found:
        raise ConfigError(
            f"no experiment was run in {store.root}", todo="xstilts run quickstart, or --store DIR"
        )
    table = Table("experiment", "stages", "done", "to do", "blocked", box=box.SIMPLE)
    for item in found:
        counts = [
            item.states.get(state, 0)
            for state in (StageState.DONE, StageState.TODO, StageState.BLOCKED)
        ]
        table.add_row(item.name, *map(str, (item.stages, *counts)))
    out.print(table)
    for event in store.journal.last(LAST_EVENTS):
        when = time.strftime("%H:%M:%S", time.localtime(event["time"]))
        text = f"{when} {event['event']:8} {event.get('label', event.get('key', ''))}"
        problem = f": {event['problem']}" if "problem" in event else ""
        out.print(text + problem, markup=False, highlight=False)


def ledger(found: Sequence[Judgement], form: str | None, path: Path | None, store: Store) -> None:
    """Claims with their verdicts: a table here, or text for others to read."""
    from xstilts.reports.claims import LEGEND, ledger_text, readable
    from xstilts.reports.tables import for_terminal, write_bytes

    if form is None and path is None:
        words = ("id", "claim", "measured", "verdict", "judged on")
        console().print(for_terminal(readable(found), words, LEGEND))
        return
    ending = path.suffix.removeprefix(".") if path else ""
    text = ledger_text(found, form or ending, store)
    if path is None:
        sys.stdout.write(text)
    else:
        write_bytes(path, text.encode())


def frame(table: pd.DataFrame, form: str, path: Path | None) -> None:
    """A frame on standard output or in a file."""
    from xstilts.reports.tables import table_text, write_table

    if path is not None:
        write_table(table, form, path)
        return
    if form == "parquet":
        raise ConfigError("parquet is not for the screen", todo="give --out FILE")
    sys.stdout.write(table_text(table, form))


def submissions(made: list[Submission]) -> None:
    """Where submissions lie, and in full what is missing from them."""
    out = console()
    for one in made:
        written = f"wrote {one.folder} and {one.archive.name}" if one.archive else "not written"
        head = f"{one.encoder}, after {one.intermediate}, seed {one.seed}: {written}"
        out.print(head, markup=False, highlight=False, soft_wrap=True)
        if one.problems:
            out.print("[bold red]INCOMPLETE: not to be submitted as it is[/bold red]")
        for problem in one.problems:
            out.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)


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
    out.print(f"Formats of user files: {', '.join(_file_formats())}", highlight=False)


def _file_formats() -> Iterator[str]:
    """The formats that user files can have, with their columns or endings."""
    for name in FORMATS:
        if files := FORMATS.get(name).files:
            yield f"{name} ({', '.join(files.columns or files.readers)})"


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
        "read from": "; ".join(
            f"{split}: {task.origin(split, codes[0]) or 'your files, with --data'}"
            for split, codes in task.splits.items()
        ),
        "licence": task.licence,
        "cite": task.citation,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in facts.items():
        if value:
            table.add_row(key, value)
    out.print(f"[bold]{name}[/bold]")
    out.print(table)
