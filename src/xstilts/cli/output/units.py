"""Durations, sizes and computing time as text."""

from __future__ import annotations

from xstilts.planning.cost import gpu_hours


def duration(seconds: float) -> str:
    """Seconds as text: 12 s, 3 min 20 s, 5 h 10 min."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def size(count: float) -> str:
    """Bytes as text: 340 MB, 1.7 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def gpu_hours_text(operations: float, tflops: float) -> str:
    """Floating-point operations as hours of a GPU: 12.5, 0.03."""
    hours = gpu_hours(operations, tflops)
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.1g}"
