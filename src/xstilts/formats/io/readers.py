"""Rows of data files (text, JSON lines, Parquet), and parsers from rows to examples."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.cells import (
    NOT_UNICODE,
    as_key,
    as_label,
    as_number,
    as_text,
    is_missing,
    is_unicode,
)
from xstilts.formats.io.lines import check_line_end, lines

BATCH = 1024

Parse = Callable[[Path, str], Iterable[Example | BadRow]]
"""(file, start of the ids of rows that have none of their own) → its examples."""


@dataclass(frozen=True)
class FileRow:
    """One row: its cells by column, its file and line, a default id, and the task's labels."""

    cells: Mapping[str, Any]
    where: str
    id: str
    labels: Sequence[str] = ()

    def get(self, column: str) -> Any:
        """A cell.

        Raises:
            DataError: there is no such column in the row.
        """
        if column not in self.cells:
            raise DataError(f"no {column!r} in the row", where=self.where)
        return self.cells[column]

    def text(self, column: str) -> str:
        """A cell as text; see `as_text`."""
        return as_text(self.get(column), column, self.where)

    def optional_text(self, column: str) -> str | None:
        """A cell as text; none where there is no such column, or nothing in it."""
        return None if is_missing(self.cells.get(column)) else self.text(column)

    def label(self, column: str) -> str:
        """The task's label that a cell stands for; see `as_label`."""
        return as_label(self.get(column), self.labels, column, self.where)

    def number(self, column: str) -> float:
        """A cell as a finite number, NaN if it holds nothing; see `as_number`."""
        return as_number(self.get(column), column, self.where)

    def key(self, column: str) -> str:
        """A cell that is compared between files; see `as_key`."""
        return as_key(self.get(column), column, self.where)

    def optional_key(self, column: str) -> str | None:
        """A cell as a key; none where there is no such column, or nothing in it."""
        return None if is_missing(self.cells.get(column)) else self.key(column)

    def keys(self, column: str) -> tuple[str, ...]:
        """A cell that is a list of keys, or keys with one or more spaces between."""
        value = self.get(column)
        if isinstance(value, list):
            return tuple(as_key(item, column, self.where) for item in value)
        return tuple(filter(None, self.key(column).split(" ")))

    def labels_of_words(self, column: str) -> tuple[str, ...]:
        """A cell that is a list of the task's labels, or labels with one or more spaces between."""
        value = self.get(column)
        if not isinstance(value, list):
            return self.words(column)
        return tuple(as_label(item, self.labels, column, self.where) for item in value)

    def words(self, column: str) -> tuple[str, ...]:
        """A cell that is a list of words, or words with one or more spaces between."""
        if isinstance(self.get(column), list):
            return self.texts(column)
        text = self.text(column).strip(" ")
        return tuple(re.split(" +", text)) if text else ()

    def texts(self, column: str) -> tuple[str, ...]:
        """A cell that is a list, of texts.

        Raises:
            DataError: no such column, or no list.
        """
        value = self.get(column)
        if not isinstance(value, list):
            raise DataError(f"{column!r} is not a list", where=self.where)
        return tuple(as_text(item, column, self.where) for item in value)


Rows = Callable[[Path, str], Iterator[FileRow | BadRow]]
"""(file, start of ids) → its rows, numbered from 0 on."""


def parse_rows(rows: Rows, example: Callable[[FileRow], Example | BadRow | None]) -> Parse:
    """A parser from a reader of rows and a mapping from rows to examples.

    A row for which the mapping raises a DataError is a bad row; a row for which it returns None
    belongs to another split or language.
    """
    return partial(_parse_rows, rows, example)


def _parse_rows(
    rows: Rows, example: Callable[[FileRow], Example | BadRow | None], path: Path, start: str
) -> Iterator[Example | BadRow]:
    for row in rows(path, start):
        found = row if isinstance(row, BadRow) else _example(example, row)
        if found is not None:
            yield found


def _example(
    example: Callable[[FileRow], Example | BadRow | None], row: FileRow
) -> Example | BadRow | None:
    try:
        return example(row)
    except DataError as error:
        return BadRow(row.id, error.what, where=row.where)


def text_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """One text per line, as the cell `text`; blank lines are left out."""
    kept = ((where, line) for where, line in lines(path, blank=True) if line.strip())
    for number, (where, line) in enumerate(kept):
        yield FileRow({"text": line}, where, f"{start}-{number}")


def json_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """One JSON object a line.

    Raises:
        DataError: the file is one JSON array, or one object over several lines.
    """
    numbered = ((where, line) for where, line in lines(path) if line.strip())
    first = list(islice(numbered, 2))
    _check_one_object_a_line(first, path)
    for number, (where, line) in enumerate(chain(first, numbered)):
        yield _json_row(line, where, f"{start}-{number}")


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object with these members; for `json.loads`, which would keep the last of equal names.

    Raises:
        ValueError: a name is given twice.
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name in members if counts[name] > 1)
        raise ValueError(f"the name {twice!r} is given twice")
    return members


def _json_row(line: str, where: str, name: str) -> FileRow | BadRow:
    try:
        cells = json.loads(line, object_pairs_hook=unique_names)
    except json.JSONDecodeError as error:
        check_line_end(line, where)
        return BadRow(name, "not JSON", error.msg, where)
    except (ValueError, RecursionError) as error:  # a number too long, too deep, a name twice
        return BadRow(name, "not JSON", str(error), where)
    if not isinstance(cells, dict):
        return BadRow(name, "not a JSON object", where=where)
    if "\\u" in line and not is_unicode(cells):
        return BadRow(name, NOT_UNICODE, where=where)
    return FileRow(cells, where, name)


def _check_one_object_a_line(numbered: Sequence[tuple[str, str]], path: Path) -> None:
    """Check the first two lines; a file that begins as an array is read as a whole."""
    first = numbered[0][1].strip() if numbered else ""
    todo = "write one JSON object in each line, without commas between the lines"
    if first == "{" and len(numbered) > 1:
        what = "not a JSON object in each line, but objects over several lines"
        raise DataError(what, where=numbered[0][0], todo=todo)
    if first.startswith("["):
        try:
            json.loads("\n".join(line for _, line in lines(path) if line.strip()))
        except (ValueError, RecursionError):
            return
        what = "not a JSON object in each line, but one JSON array"
        raise DataError(what, where=numbered[0][0], todo=todo)


def labelled_rows(column: str) -> Rows:
    """One JSON object a line of NAME.jsonl, and its label in the same line of NAME-labels.lst.

    Raises:
        DataError: not as many labels as rows.
    """
    return partial(_labelled, column)


def _labelled(column: str, path: Path, start: str) -> Iterator[FileRow | BadRow]:
    label_file = path.with_name(f"{path.stem}-labels.lst")
    labels = [text.strip() for _, text in lines(label_file)]
    rows = list(json_rows(path, start))
    if len(rows) != len(labels):
        what = f"{len(labels)} labels for the {len(rows)} rows of {path.name}"
        raise DataError(what, where=str(label_file), todo="use the files of one release")
    for row, label in zip(rows, labels, strict=True):
        if isinstance(row, FileRow):
            row = replace(row, cells={**row.cells, column: label})
        yield row


def parquet_rows(classes: Mapping[str, Sequence[str]] | None = None) -> Rows:
    """Rows of a Parquet file, read in batches.

    Args:
        classes: column → names of the classes, in the hub's order, that its integers stand
            for, in lists too; a negative integer (no gold label) becomes a blank.

    Raises:
        DataError: not Parquet, or the file says that the classes have other names.
    """
    return partial(_parquet, {name: tuple(names) for name, names in (classes or {}).items()})


def _parquet(
    classes: Mapping[str, tuple[str, ...]], path: Path, start: str
) -> Iterator[FileRow | BadRow]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(path)
        _check_columns(file.schema_arrow.names, path)
        _check_classes(classes, file.schema_arrow.metadata or {}, path)
        number = 0
        for batch in file.iter_batches(batch_size=BATCH):
            for cells in batch.to_pylist():
                decoded = {name: _class(cells.get(name), names) for name, names in classes.items()}
                yield FileRow({**cells, **decoded}, f"{path}:{number + 1}", f"{start}-{number}")
                number += 1
    except (ArrowException, OSError, OverflowError, ValueError) as error:  # dates after 9999
        raise DataError(f"not readable as Parquet: {error}", where=str(path)) from error


def _class(value: Any, names: tuple[str, ...]) -> Any:
    """The name of a class; text stays as it is."""
    if isinstance(value, list):
        return [_class(one, names) for one in value]
    if not isinstance(value, int):
        return value
    if value >= len(names):
        return f"class {value}"  # is found to be outside the label set
    return names[value] if value >= 0 else ""


def _check_columns(names: Sequence[str], path: Path) -> None:
    if len(set(names)) < len(names):
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        raise DataError(f"columns that occur twice: {', '.join(twice)}", where=str(path))


def _check_classes(
    classes: Mapping[str, tuple[str, ...]], metadata: Mapping[bytes, bytes], path: Path
) -> None:
    """A wrong order of classes would give plausible scores below chance."""
    if not classes:
        return
    listed_names = listed_classes(metadata, classes, path)
    for column, names in classes.items():
        listed = listed_names[column]
        if listed is not None and tuple(listed) != names:
            raise DataError(
                f"the classes of {column} are {', '.join(listed)}; {', '.join(names)} expected",
                where=str(path),
                todo="pin the revision that the task names",
            )


def listed_classes(
    metadata: Mapping[bytes, bytes], columns: Iterable[str], path: Path
) -> dict[str, list[str] | None]:
    """Column → the names of its classes, as the metadata of a Parquet file list them; else none.

    Raises:
        DataError: the description of the columns is damaged.
    """
    try:
        described = json.loads(metadata.get(b"huggingface", b"{}"))
        features = described.get("info", {}).get("features", {})
        return {name: _listed(features.get(name, {})) for name in columns}
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError("the description of the columns is damaged", where=str(path)) from error


def _listed(feature: Any) -> list[str] | None:
    """The names of a feature's classes, or of those in its lists."""
    names: list[str] | None = (feature.get("feature") or feature).get("names")
    return names
