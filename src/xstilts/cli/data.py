"""`xstilts data check`: check the data before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.text import Text

from xstilts.cli.options import Json, Quiet
from xstilts.tasks.suites import SUITES

app = typer.Typer(help="Check data files.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Check data files."""


@app.command()
def check(
    names: Annotated[
        list[str],
        typer.Argument(metavar="SUITE|TASK...", help=f"suites: {', '.join(SUITES)}; or tasks"),
    ],
    folder: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("--data", help="folder with task files that are not downloaded"),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read every split and language; list rows, labels, and problems with file and line.

    The exit code is 2 if needed data are missing or broken, or have no labels.
    """
    import xstilts
    from xstilts.cli.output.console import TextConsole, console
    from xstilts.cli.output.data_check import show_data_check
    from xstilts.cli.output.json_output import print_json

    reports = []
    with TextConsole(stderr=True, quiet=quiet).status("reading") as status:
        for report in xstilts.check_data(names, folder):
            reports.append(report)
            status.update(Text(f"read {report.task} {report.split} {report.language}"))
    if as_json:
        print_json(reports)
    else:
        show_data_check(console(), reports, folder.expanduser().absolute() if folder else None)
    if any(report.fails for report in reports):
        raise typer.Exit(2)
