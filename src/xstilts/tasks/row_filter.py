"""Rows of a split that can be used, decided one by one as they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from xstilts.formats.base import HEADER, BadRow, Example, FileNote, LeftOutRow
from xstilts.formats.checks import OUTSIDE
from xstilts.formats.io.cells import NOT_UNICODE, is_unicode
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.label_spellings import LabelsSeen
from xstilts.tasks.row_problems import RowProblems

DUPLICATE = "duplicate row, kept"
BLANK_GOLD = "blank label, kept and not scored"
NO_GOLD = "no label, which other rows have"
DIGEST = 16
"""Bytes of the digest of a row's content, which stands for it in memory."""


class Keep(Protocol):
    """What gets the usable examples."""

    def add(self, example: Example) -> None:
        """Get the next usable example."""


@dataclass
class RowFilter:
    """Decides which rows can be used, with a digest of each in memory.

    Whether a row lacks what others have is known at the end of a split. It is assumed that none
    does; `holds` says whether that was right.

    Args:
        needs_optional: whether rows without the format's optional field are left out.
        mixed_gold: whether some rows have a gold answer, and some have none.
        all_ids: whether ids that are the row's file and line are compared too.
        total: rows that were read.
        labels: those that the task does not have, and where they are.
    """

    task: TaskSpec
    split: str
    needs_optional: bool = False
    mixed_gold: bool = False
    all_ids: bool = False
    total: int = 0
    problems: RowProblems = field(default_factory=RowProblems)
    has_optional: set[bool] = field(default_factory=set)
    is_blank: set[bool] = field(default_factory=set)
    labels: LabelsSeen = field(default_factory=LabelsSeen)
    ids: IdsSeen = field(init=False)

    def __post_init__(self) -> None:
        self.ids = IdsSeen(all_ids=self.all_ids or not self.task.in_file_order)

    @property
    def holds(self) -> bool:
        """Whether the rows are as assumed."""
        actual = len(self.has_optional) > 1, len(self.is_blank) > 1
        return actual == (self.needs_optional, self.mixed_gold) and not self.ids.are_ambiguous

    def corrected(self) -> RowFilter:
        """A filter that assumes what the rows are like."""
        return RowFilter(
            self.task,
            self.split,
            needs_optional=len(self.has_optional) > 1,
            mixed_gold=len(self.is_blank) > 1,
            all_ids=self.all_ids or self.ids.are_ambiguous,
        )

    def apply(self, examples: Iterable[Example | BadRow], kept: Keep) -> None:
        """Read all rows; usable ones are added to `kept`."""
        spec, labels = self.task.format_spec, frozenset(self.task.labels)
        contents, compared = set[object](), RowProblems()
        examples, conversions = self.task.convert(examples)
        for kind, example in conversions:
            self.problems.add_kept(kind, example)
        for example in examples:
            if isinstance(example, FileNote):
                self.problems.add_kept(example.problem, example, example.detail)
                continue
            if isinstance(example, LeftOutRow):
                self.problems.add(example.problem, example, example.detail)
                continue
            if isinstance(example, BadRow):
                self.total += example.problem != HEADER
                self.problems.add(example.problem, example, example.detail)
                continue
            self.total += 1
            problem, detail = _problem(self.task, example, labels, self.split)
            if not problem and self.ids.has(example):
                problem, detail = "duplicate id", example.id
            if problem:
                self.problems.add(problem, example, detail)
                self._note_labels(example, is_outside=problem == OUTSIDE)
                continue
            self._note_labels(example)
            self.ids.add(example)
            if lacking := self._lacking(example, compared):
                compared.add(lacking, example)
                continue
            content = _compact(spec.content(example))
            if content in contents:
                compared.add_kept(DUPLICATE, example)
            for warning, detail in spec.warnings(example, self.task.labels):
                compared.add_kept(warning, example, detail)
            contents.add(content)
            kept.add(example)
        self.problems.add_all(compared)

    def _note_labels(self, example: Example, *, is_outside: bool = False) -> None:
        spec = self.task.format_spec
        if not is_outside and (self.labels.inside or spec.class_of != "word"):
            return
        note = self.labels.add_bad if is_outside else self.labels.add_good
        for gold in spec.gold_of_examples([example]):
            note(gold, example.where or f"row {example.id!r}", self.task)

    def _lacking(self, example: Example, problems: RowProblems) -> str:
        """What an example lacks that others of the split have; blank if nothing."""
        spec = self.task.format_spec
        optional = spec.optional_field
        has_optional = bool(optional and getattr(example, optional) is not None)
        is_blank = any(
            spec.row_is_blank(gold, self.task.labels) for gold in spec.gold_of_examples([example])
        )
        self.has_optional.add(has_optional)
        self.is_blank.add(is_blank)
        if self.needs_optional and not has_optional:
            return f"no {optional}, which other rows have"
        if not (self.mixed_gold and is_blank):
            return ""
        if self.split != "test" or not spec.predicts_unlabelled:
            return NO_GOLD
        problems.add_kept(BLANK_GOLD, example)
        return ""


@dataclass
class IdsSeen:
    """The ids of rows; those that are the row's file and line, in ascending order, take no memory.

    Args:
        all_ids: whether these are kept in memory too.
        are_ambiguous: whether another id could be one that was not kept.
    """

    all_ids: bool = False
    are_ambiguous: bool = False
    ids: set[str] = field(default_factory=set)
    file: str = ""
    line: int = 0

    def has(self, example: Example) -> bool:
        """Whether there was a row with this id."""
        return example.id in self.ids

    def add(self, example: Example) -> None:
        """Note the id of a row."""
        if self.all_ids or not self._is_position(example):
            self.ids.add(example.id)

    def _is_position(self, example: Example) -> bool:
        """Whether an id is the file and line of its row."""
        where = (example.where or "").rpartition("/")[2]
        file, _, line = where.rpartition(":")
        self.file = self.file or file
        if example.id != where or not line.isdecimal():
            self.are_ambiguous |= bool(file) and example.id.startswith(f"{self.file}:")
            return False
        self.are_ambiguous |= file != self.file or int(line) <= self.line
        self.line = int(line)
        return True


def _compact(content: object) -> object:
    """The digest of texts, or of tuples of texts; other content itself."""
    if not _is_text(content):
        return content
    return hashlib.blake2b(repr(content).encode(), digest_size=DIGEST).digest()


def _is_text(content: Any) -> bool:
    if isinstance(content, tuple):
        return all(map(_is_text, content))
    return content is None or type(content) is str


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
