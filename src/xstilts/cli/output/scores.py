"""Scores by task and language with their intervals, as a table or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from xstilts.cli.output.console import console
from xstilts.cli.output.tables import FoldingTable, name, number, show_table
from xstilts.reports.tables import points

if TYPE_CHECKING:
    import pandas as pd

ENGLISH = "en"
NOTE = "Points (0–100). 95 %: bootstrap interval over the examples of {}."
COLUMNS = (
    name("task", 1),
    name("language"),
    name("metric", 2),
    number("score"),
    number("95 %"),
    number("examples", 3),
)


def show_scores(scores: pd.DataFrame, *, as_json: bool = False) -> None:
    """Print scores.

    Args:
        scores: task, language, split, metric, value, low, high, n.
    """
    if as_json:
        typer.echo(scores.to_json(orient="records", indent=1, force_ascii=False))
        return
    rows = [
        cells
        for (task, metric), group in scores.groupby(["task", "metric"], sort=False)
        for cells in _rows(str(task), str(metric), group)
    ]
    show_table(console(), FoldingTable(COLUMNS, rows, NOTE.format(_splits(scores))))


def _splits(scores: pd.DataFrame) -> str:
    """The splits or slices that were read; with the tasks if they differ."""
    by_task = scores.groupby("task", sort=False)["split"].first()
    if by_task.nunique() == 1:
        return str(by_task.iloc[0])
    return ", ".join(f"{split} ({task})" for task, split in by_task.items())


def _rows(task: str, metric: str, group: pd.DataFrame) -> list[list[str]]:
    """A row for each language, and their mean."""
    scored: list[dict[str, Any]] = [dict(row) for _, row in group.iterrows()]
    rows = [
        [
            task,
            row["language"],
            metric,
            points(row["value"]),
            f"[{points(row['low'])}, {points(row['high'])}]",
            f"{row['n']:,}",
        ]
        for row in scored
    ]
    others = [row["value"] for row in scored if row["language"] != ENGLISH]
    if len(others) > 1:
        without = "mean without en" if len(others) < len(scored) else "mean"
        rows.append([task, without, metric, points(sum(others) / len(others)), "", ""])
    return rows
