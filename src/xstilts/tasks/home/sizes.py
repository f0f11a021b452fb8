"""Number of examples of each split and language, from a table that ships with the package."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

from xstilts.tasks.base import TaskSpec

TABLE = "sizes.tsv"


@cache
def sizes(task: str) -> dict[tuple[str, str], int]:
    """Return (split, language) → number of examples of a task."""
    text = (resources.files("xstilts.tasks.home") / TABLE).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {(split, code): int(count) for name, split, code, count in rows if name == task}


def table_lines(tasks: list[TaskSpec]) -> Iterator[str]:
    """Yield the lines of the table, counted by reading all examples (about a minute)."""
    yield "task\tsplit\tlanguage\texamples"
    counts: dict[tuple[str, str, str], int] = {}
    codes = dict.fromkeys(code for task in tasks for code in task.languages)
    for code in codes:  # by language, because its templates stay parsed for all tasks
        for task in tasks:
            for split, have in task.splits.items():
                if code in have:
                    counts[task.name, split, code] = sum(1 for _ in task.read(split, code))
    for (name, split, code), count in sorted(counts.items()):
        yield f"{name}\t{split}\t{code}\t{count}"
