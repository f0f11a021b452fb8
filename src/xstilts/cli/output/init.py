"""Output of `xstilts init`: the file, and what to do with it."""

from __future__ import annotations

import shlex
from pathlib import Path

from xstilts.cli.output.console import console, print_line
from xstilts.cli.output.next_steps import show_steps


def show_written_experiment(path: Path) -> None:
    """The file and the commands that read it."""
    print_line(console(), f"wrote {path}")
    file = shlex.quote(str(path))
    show_steps(
        (
            (
                f"xstilts data check {file}",
                "reads every row, once your files are in place",
            ),
            (f"xstilts plan {file}", "what would run, with time and disk"),
            (f"xstilts run {file}", "runs it; stop it at any time and run it again"),
            (f"xstilts report {file}", "one HTML page with gains and intervals"),
        )
    )
