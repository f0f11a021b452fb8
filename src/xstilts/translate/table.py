"""`table`: existing translations from a file.

TSV: text, tab, translation. JSONL: objects with `text` and `translation`, for texts that contain
tabs or line breaks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from xstilts.config.base import ConfigModel
from xstilts.core.errors import DataError, MissingDataError
from xstilts.core.hashing import digest_of_unchanged
from xstilts.formats.io.cells import NOT_UNICODE, is_unicode
from xstilts.formats.io.lines import check_line_end, lines
from xstilts.formats.io.readers import unique_names
from xstilts.translate.base import Direction, Engine


class TableOptions(ConfigModel):
    """Options: the path of the translations."""

    files: str = Field(description="path, which can contain {task}, {language} and {source}")


@dataclass(frozen=True)
class Table:
    """Looks up translations; a text that is not in the file has none."""

    entries: Mapping[str, str]
    unknown: ClassVar[int] = 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return the translations; empty for texts that are not in the file."""
        return [self.entries.get(text, "") for text in texts]


def key_params(direction: Direction, options: TableOptions) -> dict[str, Any]:
    """Digest of the file; None if it does not exist."""
    path = _path(direction, options)
    return {"sha256": digest_of_unchanged(path) if path.is_file() else None}


def missing_file(direction: Direction, options: TableOptions) -> Path | None:
    """The path of the file, if it does not exist."""
    path = _path(direction, options)
    return None if path.is_file() else path


def open_table(direction: Direction, options: TableOptions) -> Table:
    """Read the file.

    Raises:
        MissingDataError: no such file.
        DataError: a malformed line, or two different translations of one text.
    """
    path = _path(direction, options)
    if not path.is_file():
        raise MissingDataError(
            f"no translations at {path}",
            where="translator.options.files",
            todo=f"write the {direction.target} translations of {direction.task} to this file",
        )
    entries: dict[str, tuple[str, str]] = {}
    for where, text, translation in _entries(path):
        previous, line = entries.setdefault(text, (translation, where))
        if previous != translation:
            raise DataError(
                f"the translation differs from that of the same text in line "
                f"{line.rpartition(':')[2]}",
                where=where,
                todo="keep one of them: a text can have only one translation",
            )
    return Table({text: translation for text, (translation, _) in entries.items()})


def _path(direction: Direction, options: TableOptions) -> Path:
    return direction.folder / Path(direction.fill(options.files)).expanduser()


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """(file:line, text, translation) of every line."""
    for where, line in lines(path):
        text, translation = (_jsonl if path.suffix == ".jsonl" else _tsv)(line, where)
        yield where, text, translation


def _tsv(line: str, where: str) -> tuple[str, str]:
    cells = line.split("\t")
    if len(cells) != 2:
        check_line_end(line, where)
        raise DataError(
            f"{len(cells)} columns where 2 are expected",
            where=where,
            todo="write text, tab, translation; use .jsonl for texts with tabs",
        )
    return cells[0], cells[1]


def _jsonl(line: str, where: str) -> tuple[str, str]:
    try:
        row = json.loads(line, object_pairs_hook=unique_names)
        text, translation = row["text"], row["translation"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = translation = None
    if not isinstance(text, str) or not isinstance(translation, str):
        raise DataError("no JSON object with the strings `text` and `translation`", where=where)
    if not is_unicode((text, translation)):
        raise DataError(NOT_UNICODE, where=where, todo="correct it, or leave the line out")
    return text, translation


ENGINE = Engine(TableOptions, key_params, open_table, missing_file)
