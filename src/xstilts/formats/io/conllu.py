"""Universal Dependencies treebanks (CoNLL-U) as sentences with parts of speech.

Words are the syntactic words of the treebank. XTREME's own UDPOS files keep fused words whole and
merge their tags, so scores on a treebank read here are close to, and not the same as, UDPOS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from xstilts.formats.base import BadRow
from xstilts.formats.io.cells import not_as_many
from xstilts.formats.io.lines import check_line_end, lines
from xstilts.formats.tagging import TaggedExample

COLUMNS = 10
FORM, UPOS = 1, 3
SENT_ID = re.compile(r"#\s*sent_id\s*=\s*(.*\S)")
FIRST_ID = re.compile(r"(0\.\d+|1|1-\d+)\t")
"""The ids that a sentence can begin with: an empty node, a word, a range of fused words."""
OTHER_ID = re.compile(r"\d+[.-]\d+")
BOM = "\ufeff"
Line = tuple[str, str]
"""(file:line, text)."""


def read_conllu(path: Path, start: str) -> Iterator[TaggedExample | BadRow]:
    """The sentences of a treebank, named by their `sent_id`; a malformed one is a bad row.

    A sentence ends at a blank line, and where the word ids begin again. Ranges of fused words
    (`3-4`) and empty nodes (`5.1`) are passed over.
    """
    for number, block in enumerate(_sentences(path)):
        yield _sentence(block, f"{start}-{number}")


def _sentences(path: Path) -> Iterator[list[Line]]:
    """The lines of each sentence, its comments first."""
    block: list[Line] = []
    comments: list[Line] = []
    for where, text in chain(lines(path, blank=True), [("", "")]):
        line = text.removeprefix(BOM)  # of a file in the middle of several joined ones
        if line.count("\t") != COLUMNS - 1:
            check_line_end(line, where)
        if line.startswith("#"):
            comments.append((where, line))
            continue
        ends = not line.strip(" ")
        if block and (ends or _begins(line, block)):
            yield block
            block = []
        if not ends:
            block += [*comments, (where, line)]
            comments = []


def _begins(line: str, block: Sequence[Line]) -> bool:
    """Whether a line begins another sentence than the one before it."""
    if FIRST_ID.match(line) is None:
        return False
    return any(text.partition("\t")[0].isdecimal() for _, text in block)


def _sentence(block: Sequence[Line], name: str) -> TaggedExample | BadRow:
    words: list[str] = []
    tags: list[str] = []
    for where, line in block:
        if named := SENT_ID.match(line):
            name = named[1]
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != COLUMNS:
            return BadRow(name, "wrong number of columns", not_as_many(len(cells), COLUMNS), where)
        if cells[0].isdecimal():
            if cells[0] != str(len(words) + 1):
                detail = f"{cells[0][:20]} after {len(words)} words"
                return BadRow(name, "word ids are not 1, 2, 3 …", detail, where)
            words.append(cells[FORM])
            tags.append(cells[UPOS])
        elif not OTHER_ID.fullmatch(cells[0]):
            return BadRow(name, "not a word id", ascii(cells[0]), where)
    return TaggedExample(name, tuple(words), tuple(tags), block[0][0])
