"""Rows of tables: quotes that take in other rows, and mixed line ends, are never silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import DataError
from xstilts.formats.io.conllu import read_conllu
from xstilts.formats.io.readers import FileRow, json_rows
from xstilts.formats.io.tables import csv_rows, named_csv_rows, quoted_tsv_rows, tsv_rows
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.user_tasks import file_task

COLUMNS = ("text", "label")


def written(folder: Path, text: str, name: str = "train.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def classified(folder: Path, text: str, **changes: Any) -> list[Any]:
    """The examples of a classification task with the labels 0 and 1."""
    written(folder, text)
    settings = {
        "format": "classification",
        "files": "{split}.csv",
        "splits": {"train": ("en",)},
        "columns": COLUMNS,
        "labels": ("0", "1"),
    }
    task = file_task("mine", FileTask.model_validate(settings | changes), folder)
    return list(task.read("train", "en"))


@pytest.mark.parametrize(
    "rows",
    ['"good,1\nbad,0\nnot ",1', '"good,1\r\nnot ",1', '"a,1\nb,0\nhe said ""no"",1\nc",0'],
)
def test_a_quote_that_closes_in_a_later_row_is_named(tmp_path: Path, rows: str) -> None:
    with pytest.raises(DataError) as error:
        classified(tmp_path, f"first,0\n{rows}\nlast,1\n")
    assert error.value.where == f"{tmp_path / 'train.csv'}:2"


@pytest.mark.parametrize("cell", ["one\ntwo, three", "one, two\nthree", "one, 1\ntwo, not"])
def test_a_cell_of_several_lines_is_read(tmp_path: Path, cell: str) -> None:
    examples = classified(tmp_path, f'first,0\n"{cell}",1\nlast,1\n')
    assert [(one.text, one.label) for one in examples][1] == (cell, "1")
    assert len(examples) == 3


def test_labels_with_spaces_are_compared_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 lines"):
        classified(
            tmp_path, '"good,not bad\nbad,not bad\nnot ",not bad\n', labels=("not bad", "bad")
        )


def test_renamed_columns_are_compared_with_the_labels(tmp_path: Path) -> None:
    changes = {"columns": (), "rename": {"sentence": "text", "class": "label"}}
    with pytest.raises(DataError, match="2 lines"):
        classified(tmp_path, 'sentence,class\n"good,1\nnot ",1\n', **changes)


def test_several_lines_with_another_number_of_cells_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b,c\nx,"y,z\nx2,y2,z2\nx3,y3",z3,w\n')
    with pytest.raises(DataError) as error:
        list(named_csv_rows()(path, ""))
    assert error.value.where == f"{path}:2"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("reader", [csv_rows, named_csv_rows()])
def test_a_quote_open_at_the_end_of_the_file_is_named(
    tmp_path: Path, reader: Callable[[Path, str], Any], end: str
) -> None:
    path = written(tmp_path, f'text,label\nx,1\n"y,1\nz,0{end}')
    with pytest.raises(DataError) as error:
        list(reader(path, ""))
    assert error.value.where == f"{path}:3"


@pytest.mark.parametrize("last", ["y\t1", '"y"\t1', 'y\t"1"', 'he "y"\t1', 'y\t"1" '])
def test_a_last_row_whose_quotes_are_closed_is_read(tmp_path: Path, last: str) -> None:
    path = written(tmp_path, f"text\tlabel\nx\t1\n{last}\n")
    rows = list(quoted_tsv_rows(path, ""))
    assert [row.label("label").strip() for row in rows if isinstance(row, FileRow)] == ["1", "1"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "rows",
    [
        ['1\ta\t"Hello there.', '2\tb\tGoodbye"'],
        ['1\t"a\tHello there.', "2\tb\tSo", "", '3\tb"\tGoodbye'],
        ['1\ta\t"Hello', "2\tb\tSo", '3\ta\t"Goodbye"'],
        ['1\ta\t"Hello', '2\tb\tGood"bye'],
    ],
)
def test_a_quote_that_takes_in_rows_with_tabs_is_named(
    tmp_path: Path, rows: list[str], end: str
) -> None:
    lines = ["id\tlabel\ttext", "0\ta\tx", *rows, "9\ta\tlast", ""]
    path = written(tmp_path, end.join(lines), "test.tsv")
    with pytest.raises(DataError) as error:
        list(quoted_tsv_rows(path, ""))
    assert error.value.where == f"{path}:3"


@pytest.mark.parametrize(
    "row",
    [
        '1\ta\t"one\n\ntwo"',
        '"1\n2"\ta\tone',
        '1\t"a\nb"\t"one\ntwo\nthree"',
        '1\ta\t"one\ta\ttable\nof two"',
        '1\ta\t"Hello," he said.',
    ],
)
def test_a_quoted_cell_of_several_lines_with_tabs_is_read(tmp_path: Path, row: str) -> None:
    path = written(tmp_path, f"id\tlabel\ttext\n0\ta\tx\n{row}\n9\ta\tlast\n", "test.tsv")
    rows = list(quoted_tsv_rows(path, ""))
    assert [row.cells["id"].strip() for row in rows if isinstance(row, FileRow)][::2] == ["0", "9"]
    assert len(rows) == 3


@pytest.mark.parametrize("ends", ["\r", "\n", "\r\n"])
def test_csv_is_read_with_any_line_ends(tmp_path: Path, ends: str) -> None:
    path = written(tmp_path, ends.join(["x,1", "y,0", ""]))
    rows = list(named_csv_rows(COLUMNS)(path, ""))
    assert [row.cells for row in rows if isinstance(row, FileRow)] == [
        {"text": "x", "label": "1"},
        {"text": "y", "label": "0"},
    ]


@pytest.mark.parametrize(
    ("reader", "rows"),
    [
        (tsv_rows(COLUMNS), ["x\t1", "y\t0", "z\t1"]),
        (json_rows, ['{"text": "x"}', '{"text": "y"}', '{"text": "z"}']),
        (read_tagged((1, 2)), ["x\tO", "y\tO", "", "z\tO"]),
        (read_conllu, [f"{n}\tx\t_\tX" + "\t_" * 6 for n in (1, 2)]),
    ],
    ids=["tsv", "jsonl", "conll", "conllu"],
)
def test_rows_with_cr_alone_between_them_are_named(
    tmp_path: Path, reader: Callable[[Path, str], Any], rows: list[str]
) -> None:
    path = written(tmp_path, rows[0] + "\n\n" + "\r".join(rows) + "\n", "train.txt")
    with pytest.raises(DataError) as error:
        list(reader(path, ""))
    assert error.value.where == f"{path}:3"


def test_a_cr_within_a_cell_is_a_part_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "x\ry\t1\r\n", "train.tsv")
    (row,) = tsv_rows(COLUMNS)(path, "")
    assert isinstance(row, FileRow)
    assert row.cells == {"text": "x\ry", "label": "1"}
