"""Which examples are usable: the others are counted, and too many of them stop the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import local_files
from xstilts.tasks.row_filter import Keep, RowFilter
from xstilts.tasks.row_problems import RowProblems

TOLERATED = 0.05
"""Share of bad rows above which a split is refused."""


Kept = TypeVar("Kept", bound=Keep)


def validated(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str, language: str
) -> tuple[list[Example], RowProblems]:
    """The examples of `filter_rows`, and what was wrong with the others.

    Raises:
        DataError: more than a twentieth of the rows are bad, or none is left.
    """
    kept, found = usable_rows(examples, task, split)
    check_enough_rows(found, language, len(kept))
    return kept, found.problems


def check_enough_rows(found: RowFilter, language: str, kept: int) -> None:
    """Check that enough rows of a split can be used.

    Raises:
        DataError: more than a twentieth of the rows are bad, or none is left.
    """
    task, problems, total = found.task, found.problems, found.total
    name = f"{task.name} {found.split} ({language})"
    if total == 0:
        files = local_files(task.origin(found.split, language))
        raise DataError(
            f"{name} has no rows", where=files or None, todo="check the source of the task"
        )
    if too_many_problems(total, kept):
        listed = "\n    ".join([problems.summary(), *problems.causes()])
        advice = found.labels.spellings(task).advice
        raise DataError(
            f"{total - kept} of {total} rows of {name} cannot be used:\n    {listed}",
            todo=f"{advice or 'correct them'}; up to {TOLERATED:.0%} of bad rows are left out and "
            "counted",
        )


def too_many_problems(total: int, kept: int) -> bool:
    """Whether too many rows cannot be used, or none can."""
    return kept == 0 or total - kept > TOLERATED * total


def filter_rows(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str
) -> tuple[list[Example], RowProblems, int]:
    """The usable examples, what was wrong with the others, and how many there were in all."""
    kept, found = usable_rows(examples, task, split)
    return kept, found.problems, found.total


def usable_rows(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str
) -> tuple[list[Example], RowFilter]:
    """The usable examples, and the filter that knows what was wrong with the others."""
    listed = list(examples)
    kept, found = filter_read_rows(lambda: listed, task, split, KeptRows)
    return kept.rows, found


class KeptRows:
    """All usable examples, in order."""

    def __init__(self) -> None:
        self.rows: list[Example] = []

    def add(self, example: Example) -> None:
        """Keep an example."""
        self.rows.append(example)


def filter_read_rows(
    read: Callable[[], Iterable[Example | BadRow]],
    task: TaskSpec,
    split: str,
    make_kept: Callable[[], Kept],
) -> tuple[Kept, RowFilter]:
    """Read the rows of a split one by one, and keep the usable ones.

    Rows that are empty or mislabelled, and duplicate ids, are left out. A test row whose gold
    label is blank is kept: it can be predicted, only not scored. Duplicate rows are kept too, and
    counted: XTREME's PAWS-X, PAN-X and UDPOS have some in every split. A header line is counted
    and is no row.

    Rows are read again if some of them lack what others of the split have.

    Args:
        make_kept: called before each reading: what gets the usable examples.
    """
    rules = RowFilter(task, split)
    while True:
        kept = make_kept()
        rules.apply(read(), kept)
        if rules.holds:
            return kept, rules
        rules = rules.corrected()
