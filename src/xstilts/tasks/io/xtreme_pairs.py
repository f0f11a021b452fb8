"""XTREME's format of sentence pairs: TSV without a header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.io.lines import aligned_lines

VARIANTS = {"contradictory": "contradiction"}
"""Label → its standard form; some raw files of XNLI use the other word."""


def read_pairs(path: Path, start: str) -> Iterator[TextExample | BadRow]:
    """Yield pairs from lines of premise, hypothesis and, if it was not removed, label.

    The number of its line is the id of a pair in all languages: a blank line is a bad row.
    """
    for number, (where, line) in enumerate(aligned_lines(path)):
        cells = line.split("\t")
        name = f"{start}-{number}"
        if len(cells) not in (2, 3):
            problem = "not two texts and a label, separated by tabs"
            yield BadRow(name, problem, f"{len(cells)} columns", where)
            continue
        label = cells[2].strip() if len(cells) == 3 else ""
        label = VARIANTS.get(label, label)
        yield TextExample(name, cells[0], label, cells[1], where)
