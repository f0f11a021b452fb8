"""How many worker processes run at a time unless the user says."""

from __future__ import annotations

from pathlib import Path

from xstilts.core.cpu import available_cores


def default_workers() -> int:
    """One process for each processor that this process may use, at most four; one with a GPU."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return 1  # several would share its memory
    return min(4, available_cores())
