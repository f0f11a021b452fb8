"""What `xstilts data check` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from xstilts.tasks.data_check import SplitReport, SplitState

WIDE = 120
"""Columns from which whole paths are shown."""
SHOWN = 3
"""Problems of one file that are told."""


def show(out: Console, found: Sequence[SplitReport], folder: Path | None) -> None:
    """A line for each split and language, the first problems, what is missing, and the sums."""
    columns = ("task", "split", "language", "file", "rows", "labels", "problems")
    table = Table(*columns, box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.columns[3].overflow, table.columns[4].justify = "fold", "right"
    for finding in found:
        file = _file(finding, folder, whole=out.width >= WIDE)
        table.add_row(*_cells(finding, file), style=_style(finding))
    if folder:
        out.print(f"data: {folder}", highlight=False, soft_wrap=True)
    out.print(table)
    for finding in found:
        _problems(out, finding)
    for state in (SplitState.BLANK, SplitState.BROKEN, SplitState.MISSING):
        _lacking(out, [finding for finding in found if finding.state is state], state)
    states = Counter(finding.state for finding in found)
    counts = ", ".join(f"{states[state]} {state}" for state in SplitState if states[state])
    out.print(f"{len(found)} splits by language: {counts}", highlight=False)
    failing = sum(finding.fails for finding in found)
    out.print(f"needed and not usable: {failing}" if failing else "complete", highlight=False)


def _file(finding: SplitReport, folder: Path | None, *, whole: bool) -> str:
    """The path within the folder; only the file's name where there is little room."""
    path = Path(finding.file)
    if not finding.file or not whole:
        return path.name or "built in"
    return str(path.relative_to(folder) if folder and path.is_relative_to(folder) else path)


def _cells(finding: SplitReport, file: str) -> tuple[str, ...]:
    head = finding.task, finding.split, finding.language
    if finding.state is SplitState.HUB:
        return (*head, finding.file, "", "", "")
    if not finding.rows:
        return (*head, finding.state if finding.needed else f"{finding.state}, not needed")
    counts = ", ".join(f"{kind} {count:,}" for kind, count in finding.counts.items())
    labels = "blank" if finding.blank else "yes"
    return (*head, file, f"{finding.rows:,}", labels, counts)


def _style(finding: SplitReport) -> str | None:
    if finding.fails:
        return "red"
    return "dim" if finding.state is not SplitState.FOUND else None


def _problems(out: Console, finding: SplitReport) -> None:
    for text in finding.first[:SHOWN]:
        out.print(text, markup=False, highlight=False, soft_wrap=True)
    if (rest := sum(finding.counts.values()) - SHOWN) > 0 and len(finding.first) > SHOWN:
        place = f"{finding.task} {finding.split} {finding.language}"
        out.print(f"… and {rest:,} more in {place}", markup=False, highlight=False)


def _lacking(out: Console, found: Sequence[SplitReport], state: SplitState) -> None:
    """Task and split with the languages that are lacking, the first missing file by name."""
    for (task, split, needed, _), group in groupby(found, key=_alike):
        some = list(group)
        codes = " ".join(one.language for one in some)
        why = f"{some[0].why}{' …' if len(some) > 1 else ''}"
        note = "" if needed else " (not needed)"
        text = f"{state}{note}: {task} {split} ({codes}): {why}"
        out.print(text, markup=False, highlight=False, soft_wrap=True)


def _alike(finding: SplitReport) -> tuple[str, str, bool, str]:
    """What is told in one line: missing files together, broken ones each on its own."""
    why = finding.why if finding.state is SplitState.BROKEN else ""
    return finding.task, finding.split, finding.needed, why
