"""Standard output as a rich console."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_WIDTH = 140
"""Columns of a table that is not printed to a terminal."""


def console() -> Console:
    """Standard output, with a fixed width if it is not a terminal."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def print_text(out: Console, text: str) -> None:
    """Print a line without markup, highlighting or hard wraps."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)
