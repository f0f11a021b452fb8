"""The text of files and its lines, with file:line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.core.errors import DataError


def text_of(path: Path) -> str:
    """The text of a file as it is, but for a byte-order mark.

    Raises:
        DataError: not UTF-8, with the line.
    """
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError("not UTF-8", where=f"{path}:{line}", todo="save it as UTF-8") from error


def lines(path: Path, *, blank: bool = False) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line; a byte-order mark and CR before LF are dropped.

    Args:
        blank: whether blank lines are among them.

    Raises:
        DataError: not UTF-8, with the line.
    """
    for number, line_text in enumerate(text_of(path).split("\n"), start=1):
        if blank or line_text.strip():
            yield f"{path}:{number}", line_text.removesuffix("\r")
