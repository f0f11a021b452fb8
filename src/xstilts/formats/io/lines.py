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
        blank: whether lines with nothing but spaces are included.

    Raises:
        DataError: not UTF-8, with the line, or with CR line ends alone.
    """
    text = text_of(path)
    if "\r" in text.rstrip("\r") and "\n" not in text:
        what = "the lines end in CR alone, so that the file is a single line"
        raise DataError(what, where=str(path), todo="save it with LF, or CR and LF")
    for number, line_text in enumerate(text.split("\n"), start=1):
        line = line_text.removesuffix("\r")
        if blank or line.strip(" "):
            yield f"{path}:{number}", line


def check_line_end(line: str, where: str) -> None:
    """Check that a line that cannot be read is not several lines with CR between them.

    Raises:
        DataError: it contains a CR, as in a file whose parts have different line ends.
    """
    if "\r" in line.strip("\r"):
        raise DataError(
            f"{len(line.strip().splitlines())} lines with CR alone between them",
            where=where,
            todo="save the file with LF, or CR and LF, at the end of every line",
        )
