"""The text of files and its lines, with file:line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.core.errors import DataError

BLOCK = 1 << 22
"""Bytes that are decoded together."""
NOT_UTF8 = "not UTF-8"


def text_of(path: Path) -> str:
    """The text of a file as it is, but for a byte-order mark; large files need as much memory.

    Raises:
        DataError: not UTF-8, with the line.
    """
    return "".join(_blocks(path))


def lines(
    path: Path, *, blank: bool = False, check_whole: bool = True
) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line; a byte-order mark and CR before LF are dropped.

    A block is in memory at a time.

    Args:
        blank: whether lines with nothing but spaces are included.
        check_whole: whether the encoding of the complete file is checked first.

    Raises:
        DataError: not UTF-8, with the line, or with CR line ends alone.
    """
    if check_whole:
        check_utf8(path)
    number, last = 0, ""
    for text in _blocks(path):
        if not number and "\n" not in text and "\r" in text.rstrip("\r"):
            what = "the lines end in CR alone, so that the file is a single line"
            raise DataError(what, where=str(path), todo="save it with LF, or CR and LF")
        *complete, last = text.split("\n")
        for line in complete:
            number += 1
            yield from _line(path, number, line, blank)
    yield from _line(path, number + 1, last, blank)


def aligned_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line but blank ones at the end of the file.

    For files in which the same line of several languages is the same example.

    Raises:
        DataError: as `lines`.
    """
    blank: list[tuple[str, str]] = []
    for line in lines(path, blank=True):
        blank.append(line)
        if line[1].strip(" "):
            yield from blank
            blank.clear()


def _line(path: Path, number: int, text: str, blank: bool) -> Iterator[tuple[str, str]]:
    line = text.removesuffix("\r")
    if blank or line.strip(" "):
        yield f"{path}:{number}", line


class PhysicalLines:
    """The lines of a file with their ends, as `csv` reads them; LF, CR, or CR and LF end a line.

    Args:
        path: a file in UTF-8; a byte-order mark is dropped.
        check_whole: whether the encoding of the complete file is checked first.
    """

    def __init__(self, path: Path, *, check_whole: bool = True) -> None:
        if check_whole:
            check_utf8(path)
        self._lines = self._of(path)
        self._next = next(self._lines, None)
        self.taken: list[str] = []
        """The lines since this list was last emptied."""

    @staticmethod
    def _of(path: Path) -> Iterator[str]:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from file
        except UnicodeDecodeError:
            check_utf8(path)  # names the line
            raise

    @property
    def at_end(self) -> bool:
        """Whether the last line was taken."""
        return self._next is None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._next is None:
            raise StopIteration
        line, self._next = self._next, next(self._lines, None)
        self.taken.append(line)
        return line


def check_utf8(path: Path) -> None:
    """Check the encoding of a complete file.

    Raises:
        DataError: not UTF-8, with the line.
    """
    for _ in _blocks(path):
        pass


def _blocks(path: Path) -> Iterator[str]:
    """The text of a file in blocks of complete lines."""
    number, encoding = 1, "utf-8-sig"
    with path.open("rb") as file:
        while data := file.read(BLOCK) + file.readline():
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError as error:
                line = number + error.object[: error.start].count(b"\n")  # after the mark
                where = f"{path}:{line}"
                raise DataError(NOT_UTF8, where=where, todo="save it as UTF-8") from error
            number, encoding = number + data.count(b"\n"), "utf-8"
            yield text


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
