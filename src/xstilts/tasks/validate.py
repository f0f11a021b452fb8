"""Which examples are usable: the others are counted, and too many of them stop the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.tasks.base import TaskSpec

TOLERATED = 0.05
"""Share of bad rows above which a split is refused."""
DUPLICATE = "duplicate row, kept"
"""A problem that leaves no row out."""
SHOWN = 10


@dataclass
class RowProblems:
    """Bad rows by kind of problem, with messages of the first ten."""

    counts: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def add(self, problem: str, example: Example | BadRow, detail: str = "") -> None:
        """Note one bad row."""
        self.counts[problem] += 1
        if len(self.first) < SHOWN:
            where = example.where or f"row {example.id!r}"
            self.first.append(f"{where}: {problem}{': ' + detail if detail else ''}")


def validated(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str, language: str
) -> tuple[list[Example], RowProblems]:
    """The examples without empty or mislabelled rows and duplicate ids, and what was wrong.

    A test row whose gold label is blank is kept: it can be predicted, only not scored. Duplicate
    rows are kept too, and counted: XTREME's PAWS-X, PAN-X and UDPOS have some in every split.

    Raises:
        DataError: more than a twentieth of the rows are bad, or none is left.
    """
    kept, problems, total = filter_rows(examples, task, split)
    name = f"{task.name} {split} ({language})"
    if total == 0:
        raise DataError(f"{name} has no rows", todo="check the source of the task")
    if too_many_problems(total, len(kept)):
        listed = "\n    ".join(problems.first)
        raise DataError(
            f"{total - len(kept)} of {total} rows of {name} cannot be used:\n    {listed}",
            todo=f"correct them; up to {TOLERATED:.0%} of bad rows are left out and counted",
        )
    return kept, problems


def too_many_problems(total: int, kept: int) -> bool:
    """Whether too many rows cannot be used, or none can."""
    return kept == 0 or total - kept > TOLERATED * total


def filter_rows(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str
) -> tuple[list[Example], RowProblems, int]:
    """The usable examples, what was wrong with the others, and how many there were in all."""
    spec, labels = task.format_spec, frozenset(task.labels)
    problems, seen_ids, seen_rows = RowProblems(), set[str](), set[object]()
    kept, total = list[Example](), 0
    for example in examples:
        total += 1
        if isinstance(example, BadRow):
            problems.add(example.problem, example, example.detail)
            continue
        problem, detail = _problem(task, example, labels, split)
        if not problem and example.id in seen_ids:
            problem, detail = "duplicate id", example.id
        if problem:
            problems.add(problem, example, detail)
            continue
        content = spec.content(example)
        if content in seen_rows:
            problems.add(DUPLICATE, example)
        for warning, detail in spec.warnings(example, task.labels):
            problems.add(warning, example, detail)
        seen_ids.add(example.id)
        seen_rows.add(content)
        kept.append(example)
    return kept, problems, total


def _problem(
    task: TaskSpec, example: Example, labels: frozenset[str], split: str
) -> tuple[str, str]:
    """The first problem of an example, and details; blank if it is usable."""
    spec = task.format_spec
    if not isinstance(example, spec.example):
        return f"not a {spec.example.__name__}", type(example).__name__
    return next(iter(spec.problems(example, labels, split)), ("", ""))
