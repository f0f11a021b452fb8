"""Scores by task and language with their intervals, as a table or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.table import Table

from xstilts.cli.output.console import console, print_text
from xstilts.reports.tables import points

if TYPE_CHECKING:
    import pandas as pd

ENGLISH = "en"
NOTE = "Points (0–100); [ ]: 95 % bootstrap interval over test examples."


def show_scores(scores: pd.DataFrame, *, as_json: bool = False) -> None:
    """Print scores.

    Args:
        scores: task, language, split, metric, value, low, high, n.
    """
    if as_json:
        typer.echo(scores.to_json(orient="records", indent=1, force_ascii=False))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("task", "language", "metric"):
        table.add_column(name, overflow="fold")
    for name in ("score", "95 %", "examples"):
        table.add_column(name, justify="right", no_wrap=True)
    several = scores["task"].nunique() > 1
    for (task, metric), group in scores.groupby(["task", "metric"], sort=False):
        rows: list[dict[str, Any]] = [dict(row) for _, row in group.iterrows()]
        for row in rows:
            interval = f"[{points(row['low'])}, {points(row['high'])}]"
            examples = f"{row['n']:,}"
            cells = (row["language"], str(metric), points(row["value"]), interval, examples)
            table.add_row(str(task), *cells)
        others = [row["value"] for row in rows if row["language"] != ENGLISH]
        if len(others) > 1:
            name = "mean without en" if len(others) < len(rows) else "mean"
            table.add_row(str(task), name, str(metric), points(sum(others) / len(others)), "", "")
        if several:
            table.add_section()
    out = console()
    out.print(table)
    print_text(out, NOTE)
