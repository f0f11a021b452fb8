"""Token–tag files (`.conll`, `.bio`, `.iob2`): a word and its tag in each line.

Source of the form: the CoNLL-2002 and -2003 shared tasks. A blank line ends a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from xstilts.formats.base import BadRow, FileNote
from xstilts.formats.io.cells import not_as_many
from xstilts.formats.io.lines import check_line_end, lines
from xstilts.formats.tagging import TaggedExample

FURTHER_COLUMNS = "further columns, not read"
DOCUMENT = "-DOCSTART-"
COMMENT = re.compile(r"#\s+(\w+\s*=|id\s.*[\d=])")
"""A comment before a sentence: `# id 12 domain=en`, `# text = …`."""
PERHAPS_COMMENT = re.compile(r"#\s*(id\b|\w+\s*=)")
"""A comment, unless it has the columns of a word: `#id`, `#id O`; others are words."""
Line = tuple[str, str]
"""(file:line, text)."""


def read_token_tags(path: Path, start: str) -> Iterator[TaggedExample | BadRow]:
    """The sentences of a token–tag file; one with a malformed line is a bad row.

    The first column is the word, the last one its tag; columns between them are not read, which a
    note says. Columns are separated by tabs if the first line of a sentence has one, else by
    spaces. A file with one column has no tags. Lines of `-DOCSTART-` and comments before a sentence
    are passed over.
    """
    where, first = _first_word(path)
    separator = "\t" if "\t" in first else None
    columns = len(_cells(first, separator))
    if columns > 2:
        detail = f"{columns - 2} between the word and its tag"
        yield FileNote(f"{start}-columns", FURTHER_COLUMNS, detail, where)
    for number, block in enumerate(_sentences(path, separator, columns)):
        yield _sentence(block, f"{start}-{number}", separator, columns)


def _first_word(path: Path) -> Line:
    """The first line that is certain to be a word; else the first that can be one."""
    perhaps = ("", "")
    for where, line in lines(path):
        if not line.strip() or _is_document(line) or COMMENT.match(line):
            continue
        if not PERHAPS_COMMENT.match(line):
            return where, line
        perhaps = perhaps if perhaps[1] else (where, line)
    return perhaps


def _is_document(line: str) -> bool:
    return line.split()[0] == DOCUMENT


def _is_comment(line: str, separator: str | None, columns: int) -> bool:
    """Whether a line before a sentence is a comment."""
    if COMMENT.match(line):
        return True
    return bool(PERHAPS_COMMENT.match(line)) and len(_cells(line, separator)) != columns


def _sentences(path: Path, separator: str | None, columns: int) -> Iterator[Sequence[Line]]:
    """The lines of each sentence."""
    block: list[Line] = []
    for where, line in chain(lines(path, blank=True), [("", "")]):
        if not line.strip():
            if block:
                yield block
            block = []
        elif not (_is_document(line) or (not block and _is_comment(line, separator, columns))):
            block.append((where, line))


def _cells(line: str, separator: str | None) -> list[str]:
    """The cells of a line; several spaces separate as one, and those at its ends nothing."""
    if separator:
        return line.split(separator)
    return re.split(" +", line.strip(" "))


def _sentence(
    block: Sequence[Line], name: str, separator: str | None, columns: int
) -> TaggedExample | BadRow:
    words, tags = list[str](), list[str]()
    for where, line in block:
        cells = _cells(line, separator)
        if len(cells) != columns:
            check_line_end(line, where)
            return BadRow(name, "wrong number of columns", not_as_many(len(cells), columns), where)
        words.append(cells[0])
        tags.append(cells[-1].strip() if columns > 1 else "")
    return TaggedExample(name, tuple(words), tuple(tags), block[0][0])
