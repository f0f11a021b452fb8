"""Rows of data files (JSON lines, TSV, CSV, Parquet), and parsers from rows to examples."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.lines import lines, text_of

BATCH = 1024

Parse = Callable[[Path, str], Iterable[Example | BadRow]]
"""(file, start of the ids of rows that have none of their own) → its examples."""


@dataclass(frozen=True)
class FileRow:
    """One row: its cells by column, its file and line, and a default id."""

    cells: Mapping[str, Any]
    where: str
    id: str

    def get(self, column: str) -> Any:
        """A cell.

        Raises:
            DataError: there is no such column in the row.
        """
        if column not in self.cells:
            raise DataError(f"no {column!r} in the row", where=self.where)
        return self.cells[column]

    def text(self, column: str) -> str:
        """A cell as text; JSON's null is a blank one."""
        value = self.get(column)
        if isinstance(value, bool | list | dict):
            raise DataError(f"{column!r} is not text", where=self.where)
        return "" if value is None else str(value)

    def optional_text(self, column: str) -> str | None:
        """A cell as text; none where there is no such column, or nothing in it."""
        return None if self.cells.get(column) is None else self.text(column)

    def words(self, column: str) -> tuple[str, ...]:
        """A cell that is a list of words, or words with spaces between."""
        if isinstance(self.get(column), list):
            return self.texts(column)
        text = self.text(column)
        return tuple(text.split(" ")) if text else ()

    def texts(self, column: str) -> tuple[str, ...]:
        """A cell that is a list, of texts.

        Raises:
            DataError: no such column, or no list.
        """
        value = self.get(column)
        if not isinstance(value, list):
            raise DataError(f"{column!r} is not a list", where=self.where)
        return tuple(map(str, value))


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
    for number, (where, line) in enumerate(lines(path)):
        yield FileRow({"text": line}, where, f"{start}-{number}")


def json_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """One JSON object a line."""
    for number, (where, line) in enumerate(lines(path)):
        name = f"{start}-{number}"
        try:
            cells = json.loads(line)
        except json.JSONDecodeError as error:
            yield BadRow(name, "not JSON", error.msg, where)
            continue
        if isinstance(cells, dict):
            yield FileRow(cells, where, name)
        else:
            yield BadRow(name, "not a JSON object", where=where)


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


def tsv_rows(columns: Sequence[str] | None = None, *, ragged: bool = False) -> Rows:
    """Tab-separated cells; quotes are ordinary characters.

    Args:
        columns: their names; none if they are in the first line.
        ragged: rows may have fewer cells.
    """
    return partial(_tsv, tuple(columns) if columns else None, ragged)


def _tsv(
    columns: tuple[str, ...] | None, ragged: bool, path: Path, start: str
) -> Iterator[FileRow | BadRow]:
    found = ((where, line.split("\t")) for where, line in lines(path))
    return _table(found, columns, ragged, start)


def csv_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """Comma-separated cells below a line with the columns; quoted cells may hold line breaks."""
    return _table(_csv(path, ","), None, False, start)


def quoted_tsv_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """Tab-separated cells below a line with the columns; cells may be quoted as in CSV."""
    return _table(_csv(path, "\t"), None, False, start)


def _csv(path: Path, between: str) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(io.StringIO(text_of(path), newline=""), delimiter=between)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield f"{path}:{line}", cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"not CSV: {error}", where=f"{path}:{line}") from error


def _table(
    found: Iterator[tuple[str, list[str]]],
    columns: tuple[str, ...] | None,
    ragged: bool,
    start: str,
) -> Iterator[FileRow | BadRow]:
    if columns is None:
        _, header = next(found, ("", []))
        columns = tuple(cell.strip() for cell in header)
    for number, (where, cells) in enumerate(found):
        name = f"{start}-{number}"
        fits = len(cells) <= len(columns) if ragged else len(cells) == len(columns)
        if fits:
            yield FileRow(dict(zip(columns, cells, strict=False)), where, name)
        else:
            yield BadRow(name, "wrong number of columns", f"{len(cells)}, {len(columns)}", where)


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
        _check_classes(classes, file.schema_arrow.metadata or {}, path)
        number = 0
        for batch in file.iter_batches(batch_size=BATCH):
            for cells in batch.to_pylist():
                decoded = {name: _class(cells.get(name), names) for name, names in classes.items()}
                yield FileRow({**cells, **decoded}, f"{path}:{number + 1}", f"{start}-{number}")
                number += 1
    except (ArrowException, OSError) as error:
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


def _check_classes(
    classes: Mapping[str, tuple[str, ...]], metadata: Mapping[bytes, bytes], path: Path
) -> None:
    """A wrong order of classes would give plausible scores below chance."""
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    for column, names in classes.items():
        feature = features.get(column, {})
        listed = (feature.get("feature") or feature).get("names")
        if listed is not None and tuple(listed) != names:
            raise DataError(
                f"the classes of {column} are {', '.join(listed)}; {', '.join(names)} expected",
                where=str(path),
                todo="pin the revision that the task names",
            )
