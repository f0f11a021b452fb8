"""`xstilts demo`: a whole experiment in half a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.options import Json, Quiet

DemoFolder = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Argument(metavar="FOLDER", help="folder for its files  \\[default: a new temporary one]"),
]
OpenReport = Annotated[
    bool, typer.Option("--open/--no-open", help="open the report in a browser, if there is one")
]


def demo(
    folder: DemoFolder = None,
    open_report: OpenReport = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a whole experiment on a tiny encoder in half a minute, and open its report.

    Needs neither data nor a download. Run it again with the same FOLDER: finished work is kept.
    """
    import xstilts
    from xstilts.api.demo import prepare_demo
    from xstilts.api.handle import open_experiment
    from xstilts.api.inputs import load
    from xstilts.api.run_options import RunOptions
    from xstilts.cli.browser import open_page
    from xstilts.cli.output.demo import (
        show_demo_json,
        show_next_steps,
        show_question,
        show_report,
    )
    from xstilts.cli.output.run import show_gains, show_result
    from xstilts.cli.progress import progress

    prepared = prepare_demo(folder)
    if not (quiet or as_json):
        show_question(prepared)
    handle = open_experiment(load(prepared.experiment), prepared.store)
    options = RunOptions()
    summary = handle.summary(options)
    with progress(summary, quiet=quiet) as on_event:
        result = handle.run(options, on_event)
    gains = xstilts.gains(handle)
    xstilts.report(handle, prepared.report)
    is_open = open_report and open_page(prepared.report)
    if as_json:
        show_demo_json(prepared, result, summary, gains)
        raise typer.Exit(result.exit_code)
    show_result(result, summary, in_full=quiet)
    words = [str(prepared.experiment), "--store", str(prepared.store)]
    show_gains(gains, handle.results, words, handle.compiled.baseline)
    show_report(prepared, is_open=is_open, quiet=quiet)
    if not quiet:
        show_next_steps(prepared)
    raise typer.Exit(result.exit_code)
