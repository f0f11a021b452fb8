"""Commands to go on with, after one that leads to others."""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.cli.output.console import console, print_line, print_text


def show_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Commands to go on with, each with its purpose."""
    out = console()
    print_line(out, "next:")
    for command, purpose in steps:
        print_line(out, f"  {command}")
        print_text(out, f"      {purpose}", style="dim")
