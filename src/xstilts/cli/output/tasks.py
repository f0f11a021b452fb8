"""Output of `xstilts tasks`: all tasks, or the details of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import FoldingTable, name, number, show_table, text
from xstilts.cli.output.tasksource import (
    is_undownloaded,
    show_undownloaded,
    show_undownloaded_json,
)
from xstilts.formats import FORMATS
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import describe_origins

COLUMNS = (
    name("task"),
    name("format", 1),
    number("train", 2),
    number("dev", 4),
    number("test", 3),
    number("languages", 1),
    text("licence", 5),
    text("source", 6),
)


def show_tasks() -> None:
    """All tasks, one per row, and the formats of user files."""
    out = console()
    rows = []
    for task_name in TASKS:
        task = TASKS.get(task_name)
        counts = (_examples(task, split) for split in ("train", "dev", "test"))
        languages = str(len(task.languages))
        rows.append((task_name, task.format, *counts, languages, task.licence, task.source))
    show_table(out, FoldingTable(COLUMNS, rows))
    print_text(out, f"formats of user files: {', '.join(_file_formats())}")


def show_task(task_name: str) -> None:
    """The details of one task.

    Raises:
        UnknownNameError: no such task.
    """
    if is_undownloaded(task_name):
        show_undownloaded(task_name)
        return
    task = TASKS.get(task_name)
    out = console()
    print_text(out, task_name, style="bold")
    for key, value in _details(task).items():
        if value:
            print_text(out, value, bullet=f"{key:9}")


def show_tasks_json(task_name: str | None) -> None:
    """All tasks, or one, as JSON.

    Raises:
        UnknownNameError: no such task.
    """
    if task_name is None:
        print_json([_facts(TASKS.get(each)) for each in TASKS])
    elif is_undownloaded(task_name):
        show_undownloaded_json(task_name)
    else:
        print_json(_facts(TASKS.get(task_name)))


def _facts(task: TaskSpec) -> dict[str, object]:
    """Everything that people must know of a task; sizes of languages are null if unknown."""
    splits = {
        split: {code: task.sizes.get((split, code)) for code in codes}
        for split, codes in task.splits.items()
    }
    return {
        "task": task.name,
        "summary": task.summary,
        "format": task.format,
        "metrics": list(task.metrics),
        "labels": list(task.labels),
        "splits": splits,
        "licence": task.licence,
        "source": task.source,
        "citation": task.citation,
    }


def _file_formats() -> Iterator[str]:
    """The formats of user files, with their columns or endings."""
    for format_name in FORMATS:
        if files := FORMATS.get(format_name).files:
            yield f"{format_name} ({', '.join(files.columns or files.readers)})"


def _examples(task: TaskSpec, split: str) -> str:
    """Number of examples of a split in all its languages; ? if unknown."""
    if split not in task.splits:
        return "–"
    known = [count for (part, _), count in task.sizes.items() if part == split]
    return f"{sum(known):,}" if known else "?"


def _details(task: TaskSpec) -> Mapping[str, str]:
    sizes = "; ".join(
        f"{split}: {', '.join(f'{code} {task.sizes[split, code]}' for code in codes)}"
        for split, codes in task.splits.items()
        if all((split, code) in task.sizes for code in codes)
    )
    return {
        "summary": task.summary,
        "format": task.format,
        "metrics": ", ".join(task.metrics),
        "labels": f"{len(task.labels)}: {', '.join(task.labels)}" if task.labels else "",
        "splits": "; ".join(f"{split}: {' '.join(codes)}" for split, codes in task.splits.items()),
        "examples": sizes or "unknown until read",
        "source": task.source,
        "read from": "; ".join(
            f"{split}: {describe_origins(task.origin(split, codes[0])) or 'data folder (--data)'}"
            for split, codes in task.splits.items()
        ),
        "licence": task.licence,
        "citation": task.citation,
    }
