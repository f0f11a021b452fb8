"""`xstilts data check` and `data show`: the data before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.text import Text

from xstilts.cli.completion import complete_experiments, complete_tasks
from xstilts.cli.options import DataOption, EncoderOption, Json, Quiet
from xstilts.tasks.suites import SUITES

app = typer.Typer(help="Check and show data.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Check and show data."""


@app.command()
def check(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SUITE|TASK|FILE...",
            help=f"suites: {', '.join(SUITES)}; tasks; or the tasks of an experiment's file",
        ),
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


@app.command()
def show(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="the task", autocompletion=complete_tasks)
    ],
    experiment: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--experiment",
            metavar="FILE|PRESET",
            help="experiment that defines the task, and names encoder and recipe",
            autocompletion=complete_experiments,
        ),
    ] = None,
    languages: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("-l", "--language", help="language code; repeatable  \\[default: all]"),
    ] = None,
    splits: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--split", help="train, dev or test; repeatable  \\[default: all]"),
    ] = None,
    examples: Annotated[
        int, typer.Option("-n", "--examples", min=0, help="examples of each split and language")
    ] = 3,
    encoder: EncoderOption = None,
    folder: DataOption = None,
    as_json: Json = False,
) -> None:
    """Show examples, lengths, unknown tokens and label counts by language.

    Sub-words are those of the experiment's encoder, otherwise of the packaged one. The exit code is
    2 if nothing can be read.
    """
    import xstilts
    from xstilts.cli.output.console import console
    from xstilts.cli.output.data_summary import show_data_summary
    from xstilts.cli.output.json_output import print_json

    summary = xstilts.show_data(
        task,
        experiment=experiment,
        languages=languages or (),
        splits=splits or (),
        examples=examples,
        encoder=encoder,
        data=folder,
    )
    if as_json:
        print_json(summary)
    else:
        show_data_summary(console(), summary)
    if not any(split.rows for split in summary.splits):
        raise typer.Exit(2)
