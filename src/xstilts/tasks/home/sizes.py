"""How many examples each split and language has, counted once and shipped as a table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

from xstilts.tasks.base import TaskSpec

TABLE = "sizes.tsv"


@cache
def sizes(task: str) -> dict[tuple[str, str], int]:
    """(split, language) → examples of a task."""
    text = (resources.files("xstilts.tasks.home") / TABLE).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {(split, code): int(count) for name, split, code, count in rows if name == task}


def counted(tasks: list[TaskSpec]) -> Iterator[str]:
    """The table's lines, counted from the examples themselves; takes a minute."""
    yield "task\tsplit\tlanguage\texamples"
    found: dict[tuple[str, str, str], int] = {}
    codes = dict.fromkeys(code for task in tasks for code in task.languages)
    for code in codes:  # a language's templates are parsed once for all tasks
        for task in tasks:
            for split, have in task.splits.items():
                if code in have:
                    found[task.name, split, code] = sum(1 for _ in task.read(split, code))
    for (name, split, code), count in sorted(found.items()):
        yield f"{name}\t{split}\t{code}\t{count}"
