"""Durations, sizes and computing time as text."""

from __future__ import annotations

import time
from collections.abc import Sequence

from xstilts.planning.cost import gpu_hours

LONG = 100
"""Hours from which minutes are left out."""


def duration(seconds: float) -> str:
    """Seconds as text: 12 s, 3 min 20 s, 5 h 10 min, 1,200 h."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < LONG else f"{hours:,} h"


def size(count: float) -> str:
    """Bytes as text: 340 MB, 1.7 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


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
