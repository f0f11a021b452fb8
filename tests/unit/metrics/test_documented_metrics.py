"""docs/reference/statistics.md has every metric, and docs/guide/experiments.md every format."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from xstilts.formats import FORMATS
from xstilts.metrics import METRICS
from xstilts.metrics.base import Metric

DOCS = Path(__file__).parents[3] / "docs"
INTERNAL = {"mining"}
"""Formats without rows of one's own."""


def first_cells(path: Path, header: str) -> set[str]:
    """The names in the first column of the table with a header."""
    table = path.read_text("utf-8").partition(header)[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name.strip(" `") for cell in cells for name in re.split(r"[,;]", cell)}


def test_every_metric_is_in_the_table() -> None:
    names = first_cells(DOCS / "reference/statistics.md", "| metric | definition | agrees with |")
    suffixes = tuple(name[1:] for name in names if name.startswith("…"))
    assert [
        name for name in METRICS.names() if name not in names and not name.endswith(suffixes)
    ] == []
    assert {name for name in names if not name.startswith("…")} <= set(METRICS.names())


def test_every_format_is_in_the_tables_of_columns_and_metrics() -> None:
    for header in ("| format | columns |", "| format | default | others |"):
        names = first_cells(DOCS / "guide/experiments.md", header)
        assert set(FORMATS.names()) - INTERNAL - names == set()


def test_the_metric_that_the_page_adds_is_f1_of_one_label() -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "extending/metric.md").read_text("utf-8"), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(code, names)
    metric: Metric = names["POSITIVE_F1"]
    gold = ["positive", "positive", "positive", "negative"]
    predicted = ["positive", "negative", "negative", "positive"]

    def score(gold: list[str], predicted: list[str]) -> float:
        return float(metric.value(metric.statistics(gold, predicted, "").sum(0)))

    assert score(gold, predicted) == pytest.approx(2 * 1 / (2 + 3))
    assert math.isnan(score(["negative"], ["negative"]))
    assert math.isnan(score([], []))
    assert metric.label_problem(["positive", "negative"]) == ""
    assert "positive" in metric.label_problem(["0", "1"])
    assert metric.name not in METRICS
