"""Which examples are usable: the others are counted, and too many of them stop the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xstilts.core.errors import DataError
from xstilts.formats.base import HEADER, BadRow, Example
from xstilts.formats.io.cells import NOT_UNICODE, is_unicode
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.row_problems import RowProblems

TOLERATED = 0.05
"""Share of bad rows above which a split is refused."""
DUPLICATE = "duplicate row, kept"
BLANK_GOLD = "blank label, kept and not scored"
NO_GOLD = "no label, which other rows have"


def validated(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str, language: str
) -> tuple[list[Example], RowProblems]:
    """The examples without empty or mislabelled rows and duplicate ids, and what was wrong.

    A test row whose gold label is blank is kept: it can be predicted, only not scored. Duplicate
    rows are kept too, and counted: XTREME's PAWS-X, PAN-X and UDPOS have some in every split. A
    header line is counted and is no row.

    Raises:
        DataError: more than a twentieth of the rows are bad, or none is left.
    """
    kept, problems, total = filter_rows(examples, task, split)
    name = f"{task.name} {split} ({language})"
    if total == 0:
        raise DataError(f"{name} has no rows", todo="check the source of the task")
    if too_many_problems(total, len(kept)):
        listed = "\n    ".join([problems.summary(), *problems.causes()])
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
    usable, total = list[Example](), 0
    examples, conversions = task.convert(examples)
    for kind, example in conversions:
        problems.add_kept(kind, example)
    for example in examples:
        if isinstance(example, BadRow):
            total += example.problem != HEADER
            problems.add(example.problem, example, example.detail)
            continue
        total += 1
        problem, detail = _problem(task, example, labels, split)
        if not problem and example.id in seen_ids:
            problem, detail = "duplicate id", example.id
        if problem:
            problems.add(problem, example, detail)
            continue
        seen_ids.add(example.id)
        usable.append(example)
    kept = []
    for example, problem in _compared(usable, task, split, problems):
        if problem:
            problems.add(problem, example)
            continue
        content = spec.content(example)
        if content in seen_rows:
            problems.add_kept(DUPLICATE, example)
        for warning, detail in spec.warnings(example, task.labels):
            problems.add_kept(warning, example, detail)
        seen_rows.add(content)
        kept.append(example)
    return kept, problems, total


def _compared(
    examples: list[Example], task: TaskSpec, split: str, problems: RowProblems
) -> Iterator[tuple[Example, str]]:
    """The examples, and what each lacks that others of the split have; blank if nothing."""
    spec = task.format_spec
    optional = spec.optional_field
    has_optional = {bool(optional and getattr(one, optional) is not None) for one in examples}
    blank = [spec.row_is_blank(gold, task.labels) for gold in spec.gold_of_examples(examples)]
    mixed = any(blank) and not all(blank)
    for example, is_blank in zip(examples, blank or [False] * len(examples), strict=True):
        if len(has_optional) > 1 and optional and getattr(example, optional) is None:
            yield example, f"no {optional}, which other rows have"
        elif mixed and is_blank and (split != "test" or not spec.predicts_unlabelled):
            yield example, NO_GOLD
        else:
            if mixed and is_blank:
                problems.add_kept(BLANK_GOLD, example)
            yield example, ""


def _problem(
    task: TaskSpec, example: Example, labels: frozenset[str], split: str
) -> tuple[str, str]:
    """The first problem of an example, and details; blank if it is usable."""
    spec = task.format_spec
    if not isinstance(example, spec.example):
        return f"not a {spec.example.__name__}", type(example).__name__
    if not is_unicode([getattr(example, name) for name in example.__dataclass_fields__]):
        return NOT_UNICODE, ""
    return next(iter(spec.problems(example, labels, split)), ("", ""))
