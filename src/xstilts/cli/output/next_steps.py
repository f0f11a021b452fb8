"""Commands to go on with, after one that leads to others."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding
from rich.text import Text

from xstilts.cli.output.console import console, print_text


def show_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Commands to go on with, each with its purpose."""
    out = console()
    print_text(out, "next:")
    for command, purpose in steps:
        print_text(out, f"  {command}")
        out.print(Padding(Text(purpose, style="dim"), (0, 6), expand=False))
