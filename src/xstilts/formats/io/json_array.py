"""Rows of a file that is one JSON array of objects, each with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow
from xstilts.formats.io.cells import NOT_UNICODE, is_unicode
from xstilts.formats.io.lines import text_of
from xstilts.formats.io.readers import FileRow, unique_names

BLANKS = " \t\r\n"


def json_array_rows(path: Path, start: str) -> Iterator[FileRow | BadRow]:
    """The objects of an array; `where` is the line at which an object begins.

    Raises:
        DataError: no array, or JSON that ends or breaks within it, with the line.
    """
    text = text_of(path)
    decoder = json.JSONDecoder(object_pairs_hook=unique_names)
    position = _skip_blanks(text, 0)
    if text[position : position + 1] != "[":
        raise DataError("not a JSON array", where=str(path), todo="give one array of objects")
    number, line, counted = 0, 1, 0
    position = _skip_blanks(text, position + 1)
    while text[position : position + 1] != "]":
        line += text.count("\n", counted, position)
        counted, where = position, f"{path}:{line}"
        try:
            cells, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:  # JSONDecodeError, or a name given twice
            raise DataError(f"not JSON: {error}", where=where) from error
        yield _row(cells, where, f"{start}-{number}")
        number += 1
        position = _after_comma(text, position, where)


def _row(cells: Any, where: str, name: str) -> FileRow | BadRow:
    if not isinstance(cells, dict):
        return BadRow(name, "not a JSON object", where=where)
    if not is_unicode(cells):
        return BadRow(name, NOT_UNICODE, where=where)
    return FileRow(cells, where, name)


def _after_comma(text: str, position: int, where: str) -> int:
    """The position of the next object, or of the bracket that ends the array."""
    position = _skip_blanks(text, position)
    if text[position : position + 1] == ",":
        return _skip_blanks(text, position + 1)
    if text[position : position + 1] != "]":
        raise DataError("no comma or ] after the object", where=where)
    return position


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in BLANKS:
        position += 1
    return position
