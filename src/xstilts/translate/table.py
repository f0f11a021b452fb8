"""`table`: translations that you have already, from a file.

TSV: the text, a tab, its translation. JSONL: objects with `text` and `translation`, for texts
that hold tabs or line breaks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from xstilts.config.base import ConfigModel
from xstilts.core.errors import DataError
from xstilts.core.hashing import digest_of_unchanged
from xstilts.formats.io.lines import lines
from xstilts.translate.base import Direction, Engine


class TableOptions(ConfigModel):
    """Where the translations are."""

    files: str = Field(description="path; {task}, {language} and {source} are filled in")


@dataclass(frozen=True)
class Table:
    """Looks texts up; one that is not there has no translation."""

    entries: Mapping[str, str]
    unknown: ClassVar[int] = 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """The translations, an empty one where the file has none."""
        return [self.entries.get(text, "") for text in texts]


def identity(direction: Direction, options: TableOptions) -> dict[str, Any]:
    """The digest of the file; none where it is absent."""
    path = _path(direction, options)
    return {"sha256": digest_of_unchanged(path) if path.is_file() else None}


def open_table(direction: Direction, options: TableOptions) -> Table:
    """Read the file.

    Raises:
        DataError: no such file, a line in another form, or two translations of one text.
    """
    path = _path(direction, options)
    if not path.is_file():
        raise DataError(
            f"no translations at {path}",
            where="translator.options.files",
            todo=f"put those of {direction.task} into {direction.target} there",
        )
    entries: dict[str, tuple[str, str]] = {}
    for where, text, translation in _entries(path):
        before, first = entries.setdefault(text, (translation, where))
        if before != translation:
            raise DataError(
                f"another translation of a text than in line {first.rpartition(':')[2]}",
                where=where,
                todo="keep one of them: equal texts get equal translations",
            )
    return Table({text: translation for text, (translation, _) in entries.items()})


def _path(direction: Direction, options: TableOptions) -> Path:
    return direction.folder / Path(direction.filled(options.files)).expanduser()


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """(file:line, text, translation) of every line."""
    for where, line in lines(path):
        text, translation = (_jsonl if path.suffix == ".jsonl" else _tsv)(line, where)
        yield where, text, translation


def _tsv(line: str, where: str) -> tuple[str, str]:
    cells = line.split("\t")
    if len(cells) != 2:
        raise DataError(
            f"{len(cells)} columns where 2 are expected",
            where=where,
            todo="write the text, a tab and its translation; use .jsonl for texts with tabs",
        )
    return cells[0], cells[1]


def _jsonl(line: str, where: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        text, translation = row["text"], row["translation"]
    except (ValueError, KeyError, TypeError):
        text = translation = None
    if not isinstance(text, str) or not isinstance(translation, str):
        raise DataError("no JSON object with the texts `text` and `translation`", where=where)
    return text, translation


ENGINE = Engine(TableOptions, identity, open_table)
