"""Output of `xstilts data check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console

from xstilts.cli.output.console import print_line, print_text
from xstilts.cli.output.tables import FoldingTable, name, number, show_table, text
from xstilts.core.counted import counted
from xstilts.tasks.data_check import SplitReport, SplitState
from xstilts.tasks.label_spellings import Spellings

COLUMNS = (
    name("task"),
    name("split"),
    name("language"),
    text("file", 2),
    number("rows", 0),
    number("images", 3),
    text("labels", 3),
    text("problems", 1),
)
WIDE = 120
"""Terminal width from which full paths are shown."""
SHOWN = 3
"""Problems listed per file; the rest are counted."""


def show_data_check(out: Console, reports: Sequence[SplitReport], folder: Path | None) -> None:
    """A row per split and language, the first problems, missing data, and totals."""
    images = ("images",) if any(report.images for report in reports) else ()
    columns = [column for column in COLUMNS if column.title != "images" or images]
    rows = [
        _cells(report, _file(report, folder, full_path=out.width >= WIDE), has_images=bool(images))
        for report in reports
    ]
    empty = [""] * len(columns)
    table = FoldingTable(
        columns,
        [[*row, *empty[len(row) :]] for row in rows],
        styles=[_style(report) for report in reports],
    )
    if folder:
        print_line(out, f"data: {folder}")
    show_table(out, table)
    for report in reports:
        _problems(out, report)
    for task, advice in _advice(reports).items():
        print_text(out, f"{task}: {advice}", bullet="→")
    for state in (SplitState.BLANK, SplitState.BROKEN, SplitState.MISSING):
        _unusable(out, [report for report in reports if report.state is state], state)
    states = Counter(report.state for report in reports)
    counts = ", ".join(f"{states[state]} {state}" for state in SplitState if states[state])
    out.print(f"{counted(len(reports), 'split')} by language: {counts}", highlight=False)
    failing = sum(report.fails for report in reports)
    out.print(f"needed but not usable: {failing}" if failing else "complete", highlight=False)


def _file(report: SplitReport, folder: Path | None, *, full_path: bool) -> str:
    """The path within the folder; only the file name on a narrow terminal."""
    path = Path(report.file)
    if not report.file or not full_path:
        return path.name or "built in"
    return str(path.relative_to(folder) if folder and path.is_relative_to(folder) else path)


def _cells(report: SplitReport, file: str, *, has_images: bool) -> tuple[str, ...]:
    head = report.task, report.split, report.language
    if report.state is SplitState.HUB:
        return (*head, report.file)
    if not report.rows:
        return (*head, report.state if report.needed else f"{report.state}, not needed")
    counts = ", ".join(f"{kind} {count:,}" for kind, count in report.counts.items())
    labels = "blank" if report.blank else "yes"
    images = (f"{report.images:,}" if report.images else "",) if has_images else ()
    return (*head, file, f"{report.rows:,}", *images, labels, counts)


def _style(report: SplitReport) -> str:
    if report.fails:
        return "red"
    return "dim" if report.state is not SplitState.FOUND else ""


def _problems(out: Console, report: SplitReport) -> None:
    for problem in report.first[:SHOWN]:
        print_line(out, problem)
    if (rest := sum(report.counts.values()) - SHOWN) > 0 and len(report.first) > SHOWN:
        split = f"{report.task} {report.split} {report.language}"
        out.print(f"… and {rest:,} more in {split}", markup=False, highlight=False)


def _advice(reports: Sequence[SplitReport]) -> dict[str, str]:
    """Task → the map of all labels that its files spell in another way."""
    found = dict[str, Spellings]()
    for report in reports:
        found[report.task] = found.get(report.task, Spellings()) | report.spellings
    return {task: each.advice for task, each in found.items() if each.advice}


def _unusable(out: Console, reports: Sequence[SplitReport], state: SplitState) -> None:
    """One line per task and split: the languages in this state, and the first reason."""
    for (task, split, needed, _), group in groupby(reports, key=_group):
        members = list(group)
        codes = " ".join(report.language for report in members)
        why = f"{members[0].why}{' …' if len(members) > 1 else ''}"
        note = "" if needed else " (not needed)"
        print_text(out, f"{state}{note}: {task} {split} ({codes}): {why}")


def _group(report: SplitReport) -> tuple[str, str, bool, str]:
    """Key of the reports in one line: missing files together, broken ones separately."""
    why = report.why if report.state is SplitState.BROKEN else ""
    return report.task, report.split, report.needed, why
