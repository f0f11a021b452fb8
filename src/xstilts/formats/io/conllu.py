"""Universal Dependencies treebanks (CoNLL-U) as sentences with parts of speech.

Words are the syntactic words of the treebank. XTREME's own UDPOS files keep fused words whole and
merge their tags, so scores on a treebank read here are close to, and not the same as, UDPOS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xstilts.formats.base import BadRow
from xstilts.formats.io.lines import lines
from xstilts.formats.tagging import TaggedExample

COLUMNS = 10
FORM, UPOS = 1, 3
NAMED = "# sent_id"
Line = tuple[str, str]
"""(file:line, text)."""


def read_conllu(path: Path, start: str) -> Iterator[TaggedExample | BadRow]:
    """The sentences of a treebank, named by their `sent_id`; a malformed one is a bad row.

    Ranges of fused words (`3-4`) and empty nodes (`5.1`) are passed over.
    """
    block: list[Line] = []
    number = 0
    for where, line in [*lines(path, blank=True), ("", "")]:
        if line.strip():
            block.append((where, line))
        elif block:
            yield _sentence(block, f"{start}-{number}")
            block, number = [], number + 1


def _sentence(block: Sequence[Line], name: str) -> TaggedExample | BadRow:
    words, tags = [], []
    for where, line in block:
        if line.startswith(NAMED):
            name = line.partition("=")[2].strip() or name
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != COLUMNS:
            return BadRow(name, "wrong number of columns", f"{len(cells)}, {COLUMNS}", where)
        if cells[0].isdecimal():
            words.append(cells[FORM])
            tags.append(cells[UPOS])
    return TaggedExample(name, tuple(words), tuple(tags), block[0][0])
