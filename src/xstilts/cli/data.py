"""`xstilts data check`: what there is of the data, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.tasks.suites import SUITES

app = typer.Typer(help="What there is of the data.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """What there is of the data."""


@app.command()
def check(
    names: Annotated[
        list[str],
        typer.Argument(metavar="SUITE|TASK...", help=f"suites: {', '.join(SUITES)}; or tasks"),
    ],
    folder: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("--data", help="folder with the files of tasks that are not downloaded"),
    ] = None,
) -> None:
    """Read every split and language: found or not, rows, labels, problems with file and line.

    Ends with 2 if anything that the suites need is missing, broken or blank.
    """
    import xstilts
    from xstilts.cli.output import data_check as findings
    from xstilts.cli.output.tables import console

    out = console()
    with out.status("reading") as status:
        found = []
        for one in xstilts.check_data(names, folder):
            found.append(one)
            status.update(f"read {one.task} {one.split} {one.language}")
    findings.show(out, found, folder.expanduser().absolute() if folder else None)
    if any(finding.fails for finding in found):
        raise typer.Exit(2)
