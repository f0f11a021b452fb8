"""Test files of XTREME's download that a submission is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.lines import lines
from xstilts.formats.tagging import TaggedExample
from xstilts.reports.xtreme.layout import Part, number_of
from xstilts.tasks import TASKS
from xstilts.tasks.io.sources import DATA_SUBFOLDERS
from xstilts.tasks.origin import is_local


def examples(part: Part, language: str, data: Path) -> list[Example] | None:
    """Test examples of a trained task, in any order; None without the file.

    Raises:
        DataError: the file is broken.
    """
    task = TASKS.get(part.task)
    here = task.with_data_dir(data) if task.with_data_dir else task
    if not is_local(here.origin("test", language)):
        return None
    found: list[Example] = []
    for one in here.read("test", language):
        if isinstance(one, BadRow):
            raise DataError(f"{one.problem}: {one.detail}", where=one.where)
        found.append(one)
    return found


def words(part: Part, language: str, data: Path) -> list[int] | None:
    """Number of words of every sentence, in file order."""
    found = examples(part, language, data)
    if found is None:
        return None
    found.sort(key=lambda one: number_of(one.id))
    return [len(one.tokens) for one in found if isinstance(one, TaggedExample)]


def sides(part: Part, language: str, data: Path) -> tuple[list[str], list[str]] | None:
    """Lines of the foreign and the English file of a retrieval task; None without them."""
    infix = "test." if part.folder == "bucc2018" else ""
    for subfolder in DATA_SUBFOLDERS:
        stem = data / subfolder / part.folder / f"{language}-en.{infix}"
        files = [Path(f"{stem}{code}") for code in (language, "en")]
        if all(file.is_file() for file in files):
            foreign, english = (list(_texts(file)) for file in files)
            return foreign, english
    return None


def _texts(path: Path) -> Iterator[str]:
    return (text for _, text in lines(path))
