"""What `xstilts compare` prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from xstilts.analysis.comparison import MEAN, Comparison, ScoreDifference
from xstilts.cli.output.console import TextConsole, console, print_line, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import Cell, FoldingTable, name, number, show_table, text
from xstilts.reports.comparison_page import (
    METHOD,
    answer,
    compared_targets,
    examples_text,
    interval_text,
    p_text,
    unpaired_lines,
)
from xstilts.reports.tables import points


def show_comparison(comparison: Comparison, page: Path | None, *, as_json: bool = False) -> None:
    """Print a comparison as tables, or as JSON.

    Args:
        page: the HTML page that was written.
    """
    if as_json:
        print_json(comparison)
        return
    out = console()
    print_text(out, f"A: {comparison.a}")
    print_text(out, f"B: {comparison.b}")
    if comparison.changes:
        columns = (name("differs"), text("A"), text("B"))
        rows = [(change.field, change.a, change.b) for change in comparison.changes]
        show_table(out, FoldingTable(columns, rows))
    else:
        print_text(out, "nothing differs but the name and the description")
    targets = compared_targets(comparison)
    for target in targets:
        if target.mean.same_runs:
            continue
        print_text(out, f"{target.title} ({target.mean.metric})", style="bold")
        show_table(out, _table(target.rows))
    print_text(out, METHOD)
    for line in answer(comparison):
        print_text(out, line, bullet="•")
    for note in comparison.notes:
        print_text(out, note, bullet="!")
    _show_unpaired(out, comparison)
    if page is not None:
        print_line(out, f"wrote {page}")


def _table(scores: tuple[ScoreDifference, ...]) -> FoldingTable:
    columns = (
        name("language"), number("A"), number("B"), number("difference"), number("95 %", 1),
        number("p (Holm)", 3), number("examples", 4),
    )  # fmt: skip
    styles = ["bold" if one.language == MEAN else "" for one in scores]
    return FoldingTable(columns, [list(_cells(one)) for one in scores], styles=styles)


def _cells(one: ScoreDifference) -> Iterator[Cell]:
    yield one.language
    yield points(one.a)
    yield points(one.b)
    colour = "green" if one.difference > 0 else "red"
    yield Text(points(one.difference, signed=True), colour if is_clear(one) else "")
    yield interval_text(one)
    yield p_text(one)
    yield examples_text(one)


def is_clear(one: ScoreDifference) -> bool:
    """Whether a mean differs significantly; of a language, which is not tested, by its interval."""
    if one.language == MEAN:
        return one.significant
    several = min(one.a_seeds, one.b_seeds) > 1
    return several and not one.partial and (one.low > 0 or one.high < 0)


def _show_unpaired(out: TextConsole, comparison: Comparison) -> None:
    lines = unpaired_lines(comparison.unpaired)
    if lines:
        print_text(out, "not compared:")
    for line in lines:
        print_text(out, line, bullet="–", style="yellow")
