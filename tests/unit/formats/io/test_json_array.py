"""Rows of one JSON array, with the lines at which they begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow
from xstilts.formats.io.json_array import json_array_rows
from xstilts.formats.io.readers import FileRow


def rows(folder: Path, text: str) -> list[FileRow | BadRow]:
    path = folder / "rows.json"
    path.write_text(text)
    return list(json_array_rows(path, "test"))


def test_objects_have_the_line_at_which_they_begin(tmp_path: Path) -> None:
    first, second = rows(tmp_path, '[\n  {\n    "a": "x\\ny"\n  },\n  {"a": 2}\n]\n')
    assert isinstance(first, FileRow)
    assert isinstance(second, FileRow)
    assert (first.text("a"), first.id) == ("x\ny", "test-0")
    assert first.where == f"{tmp_path / 'rows.json'}:2"
    assert (second.text("a"), second.id) == ("2", "test-1")
    assert second.where == f"{tmp_path / 'rows.json'}:5"


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path, " [ ] ") == []


def test_other_values_than_objects_are_bad_rows(tmp_path: Path) -> None:
    good, bad, surrogate = rows(tmp_path, '[{"a": 1},\n 5,\n{"a": "\\ud800"}]')
    assert isinstance(good, FileRow)
    assert isinstance(bad, BadRow)
    assert bad.where == f"{tmp_path / 'rows.json'}:2"
    assert isinstance(surrogate, BadRow)
    assert surrogate.where == f"{tmp_path / 'rows.json'}:3"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1}\n', ""),
        ("", ""),
        ('[{"a": 1}\n', ":1"),
        ('[{"a": 1},\n{"a": ]', ":2"),
        ('[{"a": 1}\n{"a": 1}]', ":1"),
        ('[{"a": 1},\n{"a": 1, "a": 2}]', ":2"),
    ],
)
def test_files_that_are_no_array_are_named_with_the_line(
    tmp_path: Path, text: str, line: str
) -> None:
    with pytest.raises(DataError) as caught:
        rows(tmp_path, text)
    assert caught.value.where == f"{tmp_path / 'rows.json'}{line}"
