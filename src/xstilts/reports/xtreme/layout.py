"""Names in a submission: a folder for each of XTREME's nine tasks, a file for each language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xstilts.core.errors import DataError
from xstilts.tasks.benchmarks import XTREME


class Form(StrEnum):
    """The content of a file."""

    LABELS = "labels"
    """One label per line."""
    TAGS = "tags"
    """One tag per line, a blank line between sentences."""
    ANSWERS = "answers"
    """JSON: question id → answer."""
    PAIRS = "pairs"
    """Ids of a foreign sentence and its English translation, separated by a tab."""
    NUMBERS = "numbers"
    """For each English line, the number (from 0) of the foreign line that translates it."""


@dataclass(frozen=True)
class Part:
    """One task of a submission.

    Args:
        task: its name in xstilts.
        folder: its folder name in XTREME.
    """

    task: str
    folder: str
    form: Form
    languages: tuple[str, ...]

    def file(self, language: str) -> str:
        """The path of a language's file, relative to the submission."""
        ending = "json" if self.form is Form.ANSWERS else "tsv"
        return f"{self.folder}/test-{language}.{ending}"


def _part(task: str, folder: str, form: Form) -> Part:
    return Part(task, folder, form, tuple(sorted(XTREME.languages[task], key=_english_first)))


def _english_first(language: str) -> tuple[bool, str]:
    return language != "en", language


PARTS = {
    part.task: part
    for part in (
        _part("xnli", "xnli", Form.LABELS),
        _part("paws-x", "pawsx", Form.LABELS),
        _part("udpos", "udpos", Form.TAGS),
        _part("pan-x", "panx", Form.TAGS),
        _part("xquad", "xquad", Form.ANSWERS),
        _part("mlqa", "mlqa", Form.ANSWERS),
        _part("tydiqa", "tydiqa", Form.ANSWERS),
        _part("bucc", "bucc2018", Form.PAIRS),
        _part("tatoeba", "tatoeba", Form.NUMBERS),
    )
}


def number_of(row_id: str) -> int:
    """The line number of an example, from 0: the last part of its id.

    Raises:
        DataError: the id does not end in a number, so the order of the test file is unknown.
    """
    number = row_id.rpartition("-")[2]
    if not number.isdecimal():
        raise DataError(
            f"the id {row_id!r} does not end in a line number",
            todo="a submission needs XTREME's own test files: pass them with --data and run again",
        )
    return int(number)
