"""Output of `xstilts tasks`: all tasks, or the details of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich import box
from rich.table import Table

from xstilts.cli.output.console import console, print_text
from xstilts.formats import FORMATS
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import describe_origins

COLUMNS = ("task", "format", "train", "dev", "test", "languages", "licence", "source")


def show_tasks() -> None:
    """All tasks, one per row, and the formats of user files."""
    out = console()
    table = Table(*COLUMNS, box=box.SIMPLE, pad_edge=False)
    for name in TASKS:
        task = TASKS.get(name)
        counts = (_examples(task, split) for split in ("train", "dev", "test"))
        languages = str(len(task.languages))
        table.add_row(name, task.format, *counts, languages, task.licence, task.source)
    out.print(table)
    print_text(out, f"formats of user files: {', '.join(_file_formats())}")


def show_task(name: str) -> None:
    """The details of one task.

    Raises:
        UnknownNameError: no such task.
    """
    task = TASKS.get(name)
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in _details(task).items():
        if value:
            table.add_row(key, value)
    out = console()
    out.print(name, style="bold", highlight=False)
    out.print(table)


def _file_formats() -> Iterator[str]:
    """The formats of user files, with their columns or endings."""
    for name in FORMATS:
        if files := FORMATS.get(name).files:
            yield f"{name} ({', '.join(files.columns or files.readers)})"


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
