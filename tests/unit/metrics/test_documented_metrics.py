"""docs/reference/statistics.md has every metric, and docs/guide/experiments.md every format."""

from __future__ import annotations

import re
from pathlib import Path

from xstilts.formats import FORMATS
from xstilts.metrics import METRICS

DOCS = Path(__file__).parents[3] / "docs"
INTERNAL = {"mining"}
"""Formats without rows of one's own."""


def first_cells(path: Path, header: str) -> set[str]:
    """The names in the first column of the table with a header."""
    table = path.read_text("utf-8").partition(header)[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name.strip(" `") for cell in cells for name in re.split(r"[,;]", cell)}


def test_every_metric_is_in_the_table() -> None:
    names = first_cells(DOCS / "reference/statistics.md", "| metric | what | agrees with |")
    suffixes = tuple(name[1:] for name in names if name.startswith("…"))
    assert [
        name for name in METRICS.names() if name not in names and not name.endswith(suffixes)
    ] == []
    assert {name for name in names if not name.startswith("…")} <= set(METRICS.names())


def test_every_format_is_in_the_tables_of_columns_and_metrics() -> None:
    for header in ("| format | columns |", "| format | default | others |"):
        names = first_cells(DOCS / "guide/experiments.md", header)
        assert set(FORMATS.names()) - INTERNAL - names == set()
