"""`xstilts report`: the report of an experiment, or its tables."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    STANDARD_OUTPUT,
    DataOption,
    EncoderOption,
    Json,
    Named,
    Overrides,
    StoreOption,
)


def report(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="html, md, latex, csv, parquet, or xtreme (leaderboard submissions)"
        ),
    ] = "html",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out",
            help="output file or folder; - for standard output  \\[default: ./xstilts-NAME.FORMAT]",
        ),
    ] = None,
    gpu_watts: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="power of a GPU, for the estimate of energy  \\[default: 400]"),
    ] = None,
    core_watts: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="power of a CPU core, for the same  \\[default: 10]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report as one self-contained HTML page, or its tables only.

    md, latex: gains, best setting per target and XTREME's table. csv, parquet: gains.

    xtreme: one leaderboard submission per encoder, setting and seed; exit code 2 if incomplete.
    """
    import xstilts
    from xstilts.api.handle import open_experiment
    from xstilts.api.report import XTREME, submissions
    from xstilts.cli.output.console import print_message
    from xstilts.cli.output.report import check_json, show_report, show_written_report
    from xstilts.core.errors import ConfigError

    if as_json:
        check_json(out)
    arguments = ExperimentArguments(experiment, store, overrides, encoder, data)
    handle = open_experiment(arguments.load(), store)
    if form == XTREME:
        from xstilts.cli.output.submissions import show_submissions

        if out == STANDARD_OUTPUT:
            raise ConfigError("xtreme is a folder of files", where="--out", todo="give a folder")
        written = submissions(handle, out)
        show_submissions(written, as_json=as_json)
        raise typer.Exit(2 if any(submission.problems for submission in written) else 0)
    watts = {"gpu_watts": gpu_watts, "core_watts": core_watts}
    if out == STANDARD_OUTPUT:
        show_report(handle, form, watts)
    else:
        path = xstilts.report(handle, out, None, form=form, **watts)
        show_written_report(path, form, handle, as_json=as_json)
    if handle.results.empty:
        command = shlex.join(arguments.command_line())
        print_message(f"no scores yet: run `xstilts run {command}` first")
