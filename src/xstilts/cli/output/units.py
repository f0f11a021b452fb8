"""Computing time, dates and lists as text."""

from __future__ import annotations

import time
from collections.abc import Sequence

from xstilts.planning.cost import gpu_hours


def gpu_hours_text(operations: float, tflops: float) -> str:
    """Floating-point operations as hours of a GPU: 12.5, 0.03."""
    hours = gpu_hours(operations, tflops)
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.1g}"


def date_text(when: float) -> str:
    """Seconds since 1970 as local time: 2026-03-01 14:05; empty for 0."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when)) if when else ""


def some_of(texts: Sequence[str], most: int = 3) -> str:
    """The first texts with semicolons, and an ellipsis if there are more."""
    return "; ".join([*texts[:most], *(["…"] if len(texts) > most else [])])
