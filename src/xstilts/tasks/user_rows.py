"""Rows of the user's own files: the columns of tables, found or given, and their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from xstilts.config.file_task import FileTask
from xstilts.core.counted import counted
from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.formats.answer_retrieval import CANDIDATES
from xstilts.formats.base import BadRow, FileNote
from xstilts.formats.io.cells import is_missing
from xstilts.formats.io.readers import FileRow, Rows, json_rows, parquet_rows, text_rows
from xstilts.formats.io.tables import (
    CSV,
    AreRows,
    first_records,
    named_csv_rows,
    names_columns,
    other_separator,
    tsv_rows,
)
from xstilts.formats.spec import FileSpec, FormatSpec
from xstilts.tasks.row_languages import with_other_languages

READERS: Mapping[str, Rows] = {".jsonl": json_rows, ".parquet": parquet_rows()}
FIRST_LINES = 100
"""Lines of a table from which its header is found."""
NAME = re.compile(r"#?[^\W\d]\w*([ _-]\w+){0,2}")
GAP = "lines that begin no row: without ids, rows are paired with their translations by line"
NO_HEADER = "no header line, columns in the order of the format"


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table.

    Args:
        names: in the order of the file; none if they are in its first line.
        is_header: whether the first line names the columns, whatever it says; none: if it says so.
        note: what is to be known of a choice that nobody made.
    """

    names: tuple[str, ...] | None
    is_header: bool | None = None
    note: FileNote | None = None


@dataclass(frozen=True)
class TableHeader:
    """The header of a table, which is no row.

    Args:
        lines: their numbers in the file, from 1; none without a header.
        names: of the columns that are read, as the format has them, if the header gives them.
    """

    lines: range = range(1, 1)
    names: tuple[str, ...] = ()


def named_rows(
    task: FileTask, files: FileSpec, split: str, language: str, path: Path, start: str
) -> Iterator[FileRow | BadRow]:
    """Rows whose columns have the names that the format uses.

    Args:
        split, language: of the file; a blank language is not compared with that of the rows.

    Raises:
        DataError: the columns of a table are neither given nor found.
    """
    rows = _renamed_rows(task, files, split, path, start)
    if language and not language.startswith(CANDIDATES):
        rows = with_other_languages(rows, language, files.columns)
    yield from rows


def _renamed_rows(
    task: FileTask, files: FileSpec, split: str, path: Path, start: str
) -> Iterator[FileRow | BadRow]:
    table = table_columns(task, path) if is_table(files, path) else None
    rows = _rows(table, path, start, partial(_have_labels, task))
    if FORMATS.get(task.format).gold and len(task.splits.get(split, ())) > 1:
        header = table_header(task, path) if table else None
        rows = _with_gap(task, rows, (header or TableHeader()).lines)
    for row in rows:
        if isinstance(row, FileRow):
            cells = {task.rename.get(name, name): value for name, value in row.cells.items()}
            row = replace(row, cells=cells, labels=(*task.labels, *task.label_map))
        yield row


def _with_gap(
    task: FileTask, rows: Iterator[FileRow | BadRow], header: range
) -> Iterator[FileRow | BadRow]:
    """The rows of a split in several languages, with a note at the first gap between their lines.

    Rows without an id are paired with their translations by line: a blank line, or a cell of
    several lines, that one language has and another has not would pair others.

    Args:
        header: the numbers of its lines.
    """
    before, gap, is_noted = header.stop - 1, _lines_between(0, header.start), False
    for row in rows:
        number = (row.where or "").rpartition(":")[2]
        if number.isdecimal() and not isinstance(row, FileNote):
            line = int(number)
            gap = gap or _lines_between(before, line)
            before = max(before, line)
        if isinstance(row, FileRow):
            if gap and not is_noted and is_missing(row.cells.get(own_name(task, "id"))):
                yield FileNote(row.id, GAP, f"line {gap}", row.where)
                is_noted = True
            gap = ""
        yield row


def _lines_between(before: int, line: int) -> str:
    """The numbers of the lines between two others; blank if there are none."""
    if line <= before + 1:
        return ""
    return f"{before + 1} to {line - 1}" if line > before + 2 else str(line - 1)


def own_name(task: FileTask, column: str) -> str:
    """The name that a column of the format has in the files."""
    return next((name for name, new in task.rename.items() if new == column), column)


def is_table(files: FileSpec, path: Path) -> bool:
    """Whether a file has rows of cells, and maybe a header line."""
    ending = path.suffix.lower()
    if ending in files.readers or ending in READERS:
        return False
    return ending == CSV or not files.plain_text


def _rows(
    table: TableColumns | None, path: Path, start: str, have_labels: AreRows
) -> Iterator[FileRow | BadRow]:
    ending = path.suffix.lower()
    if table is None:
        yield from READERS.get(ending, text_rows)(path, start)
        return
    if table.note:
        yield table.note
    if ending == CSV:
        read = named_csv_rows(table.names, have_labels, table.is_header)
    else:
        read = tsv_rows(table.names, is_header=table.is_header)
    yield from read(path, start)


def table_header(task: FileTask, path: Path) -> TableHeader | None:
    """The header of a table, without lines if it has none; none if the file is empty.

    Raises:
        DataError: as `table_columns`; the names of the columns are in another order.
    """
    first = next(first_records(path, _separator(path)), None)
    if first is None:
        return None
    table = table_columns(task, path)
    if table.names is None:
        names = (cell.strip() for cell in first.cells)
        return TableHeader(first.numbers, tuple(task.rename.get(name, name) for name in names))
    is_header = table.is_header
    if is_header is None:
        is_header = names_columns(first.cells, table.names, first.where)
    return TableHeader(first.numbers) if is_header else TableHeader()


def _separator(path: Path) -> str:
    return "," if path.suffix.lower() == CSV else "\t"


def table_columns(task: FileTask, path: Path) -> TableColumns:
    """The columns of a TSV or CSV file, from `columns` and `header`, else from its first lines.

    The first line is a header if it has the names of the columns, or other names and no label of
    the task where the next lines have one.

    Raises:
        DataError: `columns` is not given, and the first line is neither a header nor a row.
    """
    records = islice(first_records(path, _separator(path)), FIRST_LINES)
    lines = [record.cells for record in records]
    if task.header is True:
        return TableColumns(task.columns or None, bool(task.columns) or None)
    if not lines:
        return TableColumns(task.columns or None)
    if task.columns:
        is_header = False if task.header is False else _is_other_header(task, lines) or None
        return TableColumns(task.columns, is_header)
    return _found_columns(task, path, lines)


def _is_other_header(task: FileTask, lines: Sequence[Sequence[str]]) -> bool:
    """Whether the first line has names, and no label where all lines below have one."""
    names = _label_columns(task)
    at = [index for index, name in enumerate(task.columns) if name in names]
    if not at or len(lines) < 2 or any(len(cells) != len(task.columns) for cells in lines):
        return False
    first, *others = (cells[at[0]].strip() for cells in lines)
    known = {*task.labels, *task.label_map}
    return first not in known and known.issuperset(others) and all(map(_is_name, lines[0]))


def _is_name(cell: str) -> bool:
    """Whether a cell could be the name of a column."""
    return NAME.fullmatch(cell.strip().strip('"')) is not None


def _label_columns(task: FileTask) -> frozenset[str]:
    """The names that the column of text labels may have; none for other formats."""
    gold = FORMATS.get(task.format).gold
    if gold is None or gold.class_of != "text":
        return frozenset()
    return frozenset(
        (gold.column, *(old for old, new in task.rename.items() if new == gold.column))
    )


def _found_columns(task: FileTask, path: Path, lines: Sequence[Sequence[str]]) -> TableColumns:
    """The columns of a file for which none are given."""
    spec = FORMATS.get(task.format)
    assert spec.files is not None
    needed, first = spec.files.columns, [cell.strip() for cell in lines[0]]
    if task.header is None and not set(needed) - {task.rename.get(name, name) for name in first}:
        return TableColumns(None)
    if len(first) == len(needed) and (task.header is False or _is_row(task, spec, first)):
        note = FileNote(f"{path.name}:1", NO_HEADER, ", ".join(needed), f"{path}:1")
        return TableColumns(needed, False, note)
    shown = ", ".join(repr(cell[:30]) for cell in first[:6])
    columns = (
        f"name the columns in the order of the file, as in `columns: [{', '.join(needed)}]`; or "
        f"map the names of the header line, as in `rename: {{{first[0] or 'name'}: {needed[0]}}}`"
    )
    raise DataError(
        f"the first line has {counted(len(first), 'cell')}, and names no "
        f"{' and '.join(needed)}: {shown}",
        where=f"{path}:1",
        todo=other_separator(first, path, least=len(needed)) or columns,
    )


def _is_row(task: FileTask, spec: FormatSpec, cells: Sequence[str]) -> bool:
    """Whether the first line of a file is a row: its last cell is a label, or a number."""
    if spec.class_of:
        known = {*task.labels, *task.label_map}
        last = cells[-1].split(" ") if spec.class_of == "word" else [cells[-1]]
        return known.issuperset(last)
    try:
        float(cells[-1])
    except ValueError:
        return False
    return spec.within_bounds is not None


def _have_labels(task: FileTask, lines: Sequence[Mapping[str, str]]) -> bool:
    """Whether lines of a CSV file have the task's labels, or all have none."""
    spec = FORMATS.get(task.format)
    gold = spec.gold
    if gold is None or not gold.class_of:
        return True
    column = own_name(task, gold.column)
    cells = {line.get(column, "") for line in lines}
    labels = (
        {tag for cell in cells for tag in cell.split(" ")} if spec.class_of == "word" else cells
    )
    return labels == {""} or labels <= {*task.labels, *task.label_map}
