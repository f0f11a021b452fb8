"""The names in a submission: a folder for each of XTREME's nine tasks, a file for each language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xstilts.core.errors import DataError
from xstilts.tasks import TASKS


class Form(StrEnum):
    """What a file holds."""

    LABELS = "labels"
    """The label of each example on a line."""
    TAGS = "tags"
    """The tag of each word on a line, a blank line between sentences."""
    ANSWERS = "answers"
    """JSON: question id → answer."""
    PAIRS = "pairs"
    """The ids of a foreign sentence and of its English counterpart, with a tab between."""
    NUMBERS = "numbers"
    """For each English line the number, from 0, of the foreign line that translates it."""


@dataclass(frozen=True)
class Part:
    """One task of a submission.

    Args:
        task: its name here.
        folder: its name in XTREME.
    """

    task: str
    folder: str
    form: Form
    languages: tuple[str, ...]

    def file(self, language: str) -> str:
        """The path of a language's file within the submission."""
        ending = "json" if self.form is Form.ANSWERS else "tsv"
        return f"{self.folder}/test-{language}.{ending}"


def _part(task: str, folder: str, form: Form) -> Part:
    return Part(task, folder, form, TASKS.get(task).languages)


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
    """The place of an example in its file, from 0: its id ends in it.

    Raises:
        DataError: it does not; then the order of the test file is not known.
    """
    number = row_id.rpartition("-")[2]
    if not number.isdecimal():
        raise DataError(
            f"the id {row_id!r} does not end in a line number",
            todo="a submission is made from XTREME's own files: give them with --data, and run",
        )
    return int(number)
