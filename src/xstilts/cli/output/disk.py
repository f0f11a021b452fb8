"""Expected disk of a plan, and a warning if there is less."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.api.plan_summary import PlanSummary, smallest_peak
from xstilts.core.units import size

SHOWN = 4
"""Kinds that are named, the largest first."""


def disk_lines(summary: PlanSummary) -> Iterator[str]:
    """Peak and final growth of the store, then the warning."""
    disk = summary.disk
    largest = sorted(disk.by_kind.items(), key=lambda part: -part[1])[:SHOWN]
    parts = ", ".join(f"{kind} {size(count)}" for kind, count in largest)
    yield (
        f"disk (estimate): {size(disk.peak)} at the peak ({parts}), {size(disk.final)} at the end; "
        f"{size(summary.free_bytes)} free"
    )
    if disk.peak > summary.free_bytes:
        less = smallest_peak(summary)
        advice = f", or set keep_weights: none ({size(less)})" if less < 0.9 * disk.peak else ""
        yield f"! more than is free: give another --store{advice}"
