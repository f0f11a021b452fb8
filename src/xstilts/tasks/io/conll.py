"""CoNLL-style files: a word and its tag per line, sentences separated by empty lines.

A line with white space alone is a word, as in XTREME's utils_tag.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from xstilts.formats.base import BadRow
from xstilts.formats.io.cells import not_as_many
from xstilts.formats.io.lines import check_line_end, lines
from xstilts.formats.io.readers import Parse
from xstilts.formats.tagging import TaggedExample


def read_tagged(columns: tuple[int, ...], separator: str = "\t") -> Parse:
    """Return a parser of word lines: the first cell is the word, the last cell its tag.

    Args:
        columns: allowed numbers of cells in a line; a line with one cell has no tag.
        separator: of cells.
    """
    return partial(_tagged, columns, separator)


def _tagged(
    columns: tuple[int, ...], separator: str, path: Path, start: str
) -> Iterator[TaggedExample | BadRow]:
    for number, block in enumerate(_blocks(path)):
        rows = [(where, line.split(separator)) for where, line in block]
        name = f"{start}-{number}"
        for where, line in block:
            if line.count(separator) != max(columns) - 1:
                check_line_end(line, where)
        wrong = [(where, cells) for where, cells in rows if len(cells) not in columns]
        if wrong:
            where, cells = wrong[0]
            expected = " or ".join(map(str, columns))
            yield BadRow(name, "wrong number of columns", not_as_many(len(cells), expected), where)
            continue
        words = tuple(cells[0] for _, cells in rows)
        tags = tuple(cells[-1].strip() if len(cells) > 1 else "" for _, cells in rows)
        yield TaggedExample(name, words, tags, rows[0][0])


def _blocks(path: Path) -> Iterator[list[tuple[str, str]]]:
    """Yield the lines of each sentence with their locations."""
    block: list[tuple[str, str]] = []
    for where, line in lines(path, blank=True):
        if line:
            block.append((where, line))
        elif block:
            yield block
            block = []
    if block:
        yield block
