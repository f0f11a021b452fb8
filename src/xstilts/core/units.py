"""Durations and sizes as text."""

from __future__ import annotations

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
