"""XTREME's file format of pairs: TSV without a header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.io.lines import lines

VARIANTS = {"contradictory": "contradiction"}
"""Some of XNLI's raw files have this word."""


def read_pairs(path: Path, start: str) -> Iterator[TextExample | BadRow]:
    """Premise, hypothesis and, where it was not removed, label."""
    for number, (where, line) in enumerate(lines(path)):
        cells = line.split("\t")
        name = f"{start}-{number}"
        if len(cells) not in (2, 3):
            problem = "not two texts and a label with tabs between"
            yield BadRow(name, problem, f"{len(cells)} columns", where)
            continue
        label = cells[2].strip() if len(cells) == 3 else ""
        label = VARIANTS.get(label, label)
        yield TextExample(name, cells[0], label, cells[1], where)
