"""A plan in a notebook: totals, a table by kind of stage, and what limits the experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from xstilts.api.html_table import html_table, paragraph
from xstilts.api.missing_data import missing_data
from xstilts.core.units import duration, size

if TYPE_CHECKING:
    from xstilts.api.plan_summary import PlanSummary

TITLES = ("kind", "stages", "to do", "expected time", "disk")


def plan_html(summary: PlanSummary) -> str:
    """The plan as HTML; every stage is listed by `summary.todo` and the command `plan --all`."""
    return "".join(map(paragraph, _lines(summary))) + html_table(TITLES, list(_rows(summary)))


def _lines(summary: PlanSummary) -> Iterator[str]:
    yield summary.state_counts
    if summary.todo:
        basis = "measured in this store" if summary.measured else "rough estimate"
        yield (
            f"Expected: {duration(summary.seconds)} ({basis}), {size(summary.disk.peak)} of disk "
            f"at the peak; {size(summary.free_bytes)} are free."
        )
        yield from summary.encoder_notes
        yield from summary.power_notes
        yield from (f"Missing: {data}." for data in missing_data(summary))


def _rows(summary: PlanSummary) -> Iterator[tuple[str, ...]]:
    stages = Counter(stage.kind for stage in summary.compiled.plan.stages)
    for kind, count in stages.items():
        todo = [stage for stage in summary.todo if stage.kind == kind]
        seconds = sum(summary.stage_seconds[stage.key] for stage in todo)
        cost = (duration(seconds), size(sum(stage.cost.bytes for stage in todo)))
        yield (kind, f"{count:,}", f"{len(todo):,}", *(cost if todo else ("", "")))
