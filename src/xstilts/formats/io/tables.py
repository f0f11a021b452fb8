"""Rows of tables in text files: tab- and comma-separated cells."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from xstilts.core.errors import DataError
from xstilts.formats.base import HEADER, BadRow
from xstilts.formats.io.cells import not_as_many
from xstilts.formats.io.lines import PhysicalLines, aligned_lines, check_line_end, lines
from xstilts.formats.io.readers import FileRow, Rows

CSV = ".csv"
CLOSE_QUOTES = 'close each quote, and write " within quotes as ""'
NAME_IT = "if {} separate the cells, name the file {}"
SAVE_ANEW = (
    "if {} separate the cells, save the file with tabs (.tsv) or commas (.csv) between them: "
    "others are not read"
)
QUOTED = re.compile(r'"[^"]*"')
AreRows = Callable[[Sequence[Mapping[str, str]]], bool]
"""Whether several lines, given as cells by column, could be rows of the table."""
Check = Callable[["TableRecord", tuple[str, ...]], None]
"""Raises a DataError if a record of several lines is several rows; takes the columns too."""


class TableRecord(NamedTuple):
    """One record of a file: its location, its cells, and its lines."""

    where: str
    cells: list[str]
    lines: Sequence[str]

    @property
    def numbers(self) -> range:
        """Those of its lines in the file, from 1."""
        first = int(self.where.rpartition(":")[2])
        return range(first, first + len(self.lines))


def tsv_rows(
    columns: Sequence[str] | None = None, *, ragged: bool = False, is_header: bool | None = None
) -> Rows:
    """Tab-separated cells; quotes are ordinary characters.

    Args:
        columns: their names; none if they are in the first line.
        ragged: rows may have fewer cells.
        is_header: whether the first line is left out, if columns are given; none: if it has their
            names.
    """
    return partial(_tsv, tuple(columns) if columns else None, ragged, is_header)


def aligned_tsv_rows(columns: Sequence[str]) -> Rows:
    """The rows of `tsv_rows`; a blank line is a bad row.

    For files in which the same line of several languages is the same example.

    Args:
        columns: their names; the first line is left out if it has them.
    """
    return partial(_aligned_tsv, tuple(columns))


def _aligned_tsv(columns: tuple[str, ...], path: Path, start: str) -> Iterator[FileRow | BadRow]:
    return _table(_split(aligned_lines(path)), columns, False, start)


def _split(numbered: Iterator[tuple[str, str]]) -> Iterator[TableRecord]:
    """The records of lines with tabs."""
    return (TableRecord(where, line.split("\t"), (line,)) for where, line in numbered)


def _tsv(
    columns: tuple[str, ...] | None, ragged: bool, is_header: bool | None, path: Path, start: str
) -> Iterator[FileRow | BadRow]:
    return _table(_split(lines(path)), columns, ragged, start, is_header=is_header)


def first_records(path: Path, separator: str) -> Iterator[TableRecord]:
    """The records of a TSV or CSV file, the first line included.

    No more is read than is asked for.

    Raises:
        DataError: not UTF-8, or not CSV.
    """
    if separator == "\t":
        return _split(lines(path, check_whole=False))
    return _csv(path, separator, strict=True, check_whole=False)


def named_csv_rows(
    columns: Sequence[str] | None = None,
    are_rows: AreRows = bool,
    is_header: bool | None = None,
) -> Rows:
    """Comma-separated cells; quoted cells may contain line breaks.

    Quotes must be paired: a quote that is not closed would take in the rows below. A quoted cell
    of several lines is refused if each of these lines could be a row of its own.

    Args:
        columns: their names; none if they are in the first line.
        are_rows: asked of the lines of a quoted cell, if all have the right number of cells.
        is_header: as in `tsv_rows`.
    """
    return partial(_named_csv, tuple(columns) if columns else None, are_rows, is_header)


def _named_csv(
    columns: tuple[str, ...] | None,
    are_rows: AreRows,
    is_header: bool | None,
    path: Path,
    start: str,
) -> Iterator[FileRow | BadRow]:
    check = partial(_check_one_row, are_rows)
    return _table(_csv(path, ",", strict=True), columns, False, start, check, is_header)


def csv_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """Comma-separated cells below a line with the columns; quoted cells may hold line breaks."""
    return _table(_csv(path, ","), None, False, start)


def quoted_tsv_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """Tab-separated cells below a line with the columns; cells may be quoted as in CSV.

    Raises:
        DataError: a quote that is not closed takes in the rows below.
    """
    return _table(_csv(path, "\t"), None, False, start, _check_no_row_within)


def _csv(
    path: Path, separator: str, *, strict: bool = False, check_whole: bool = True
) -> Iterator[TableRecord]:
    """The records of a file.

    Args:
        check_whole: as in `lines`.

    Raises:
        DataError: a quote is open at the end of the file; if `strict`, a quote is followed by
            something else than a separator.
    """
    physical = PhysicalLines(path, check_whole=check_whole)
    reader = csv.reader(physical, delimiter=separator, strict=strict)
    line = 1
    try:
        for cells in reader:
            record = TableRecord(f"{path}:{line}", cells, physical.taken)
            physical.taken = []
            if not strict and physical.at_end:
                _check_closed(record, separator)
            if cells:
                yield record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"not CSV: {error}", where=f"{path}:{line}", todo=CLOSE_QUOTES) from error


def _check_closed(last: TableRecord, separator: str) -> None:
    """Check that the last record of a file does not end within quotes.

    A line end and another record after it would become a part of its last cell.
    """
    text = "".join(last.lines).rstrip("\r\n")
    if len(list(csv.reader([text, "\n", "end\n"], delimiter=separator))) < 2:
        raise DataError("a quote that is not closed", where=last.where, todo=CLOSE_QUOTES)


def _table(
    records: Iterator[TableRecord],
    columns: tuple[str, ...] | None,
    ragged: bool,
    start: str,
    check: Check | None = None,
    is_header: bool | None = None,
) -> Iterator[FileRow | BadRow]:
    columns_given = columns is not None and is_header is not False
    if columns is None:
        header = next(records, TableRecord("", [], ()))
        columns = tuple(cell.strip() for cell in header.cells)
    for number, record in enumerate(records):
        where, cells = record.where, record.cells
        name = f"{start}-{number}"
        if number == 0 and columns_given and (is_header or names_columns(cells, columns, where)):
            yield BadRow(name, HEADER, where=where)
            continue
        if check and len(record.lines) > 1:
            check(record, columns)
        fits = len(cells) <= len(columns) if ragged else len(cells) == len(columns)
        if fits:
            yield FileRow(dict(zip(columns, cells, strict=False)), where, name)
        else:
            if len(record.lines) == 1:
                check_line_end(record.lines[0].rstrip("\r\n"), where)
            detail = not_as_many(len(cells), len(columns))
            path, count = Path(where.rpartition(":")[0]), len(columns)
            if todo := other_separator(cells, path, least=count, most=count):
                detail += f"; {todo}"
            yield BadRow(name, "wrong number of columns", detail, where)


def other_separator(cells: Sequence[str], path: Path, *, least: int, most: float = math.inf) -> str:
    """What to do if a row of one cell has others than the file's separators; blank if not.

    Args:
        least: the fewest cells that a row has; most: the most.
    """
    if len(cells) != 1:
        return ""
    is_csv = path.suffix.lower() == CSV
    named = NAME_IT.format("tabs", ".tsv") if is_csv else NAME_IT.format("commas", CSV)
    todos = {
        "\t" if is_csv else ",": named,
        ";": SAVE_ANEW.format("semicolons"),
        "|": SAVE_ANEW.format("vertical bars"),
    }
    unquoted = QUOTED.sub("", cells[0])
    fitting = [one for one in todos if one in unquoted and least <= unquoted.count(one) + 1 <= most]
    return todos[max(fitting, key=unquoted.count)] if fitting else ""


def _check_one_row(are_rows: AreRows, record: TableRecord, columns: tuple[str, ...]) -> None:
    """Check that a record of several lines is not several rows, taken in by an unpaired quote.

    Raises:
        DataError: it has the wrong number of cells, or each of its lines could be a row.
    """
    count, cells = len(record.lines), len(record.cells)
    if cells != len(columns):
        what = f"a quoted cell of {count} lines in a row of {cells} cells, not {len(columns)}"
    elif _could_be_rows(record.lines, columns, are_rows):
        what = f"a quoted cell of {count} lines, each of which could be a row of its own"
    else:
        return
    todo = f"{CLOSE_QUOTES}; if the cell is right, give the rows as .jsonl"
    raise DataError(what, where=record.where, todo=todo)


def _check_no_row_within(record: TableRecord, columns: tuple[str, ...]) -> None:
    """Check that a record of several lines with tabs has not taken in another row.

    The separators of one row suffice for all columns in one of its lines only.

    Raises:
        DataError: several lines have all columns.
    """
    rows = sum(line.count("\t") == len(columns) - 1 for line in record.lines)
    if len(columns) > 1 and rows > 1:
        what = f"a quoted cell of {len(record.lines)} lines, {rows} of which have all columns"
        raise DataError(what, where=record.where, todo=CLOSE_QUOTES)


def _could_be_rows(texts: Sequence[str], columns: tuple[str, ...], are_rows: AreRows) -> bool:
    """Whether each line has a row's cells, if quotes are ordinary characters."""
    rows = [[cell.strip().strip('"') for cell in line.split(",")] for line in texts]
    if any(len(cells) != len(columns) for cells in rows):
        return False
    return are_rows([dict(zip(columns, cells, strict=True)) for cells in rows])


def names_columns(cells: Sequence[str], columns: Sequence[str], where: str) -> bool:
    """Whether the first line names the columns.

    Raises:
        DataError: it names them in another order.
    """
    names = [cell.strip().strip('"').lower() for cell in cells]
    expected = [column.lower() for column in columns]
    if len(columns) > 1 and names != expected and sorted(names) == sorted(expected):
        raise DataError(
            f"the columns are {', '.join(names)}, not {', '.join(columns)}",
            where=where,
            todo="name them in the order of the file",
        )
    return names == expected
