"""The `xstilts` commands; each is a function in a module of its name.

Exit codes: 0 done; 1 unexpected error; 2 invalid input (experiment, name, data, encoder);
3 some stages failed; 4 store not writable or full; 130 interrupted (re-run to resume).
"""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from xstilts import __version__
from xstilts.cli import (
    claims,
    compare,
    data,
    demo,
    doctor,
    encoders,
    evaluate,
    export,
    init,
    plan,
    recipes,
    recommend,
    report,
    results,
    run,
    score,
    status,
    store,
    study,
    tasks,
    trials,
)
from xstilts.cli.exit_codes import exit_code_of
from xstilts.cli.help_text import use_paragraphs
from xstilts.cli.log_messages import show_log_messages
from xstilts.cli.study_help import StudyCommand

COLLECTOR = (50_000, 10, 10)
"""Thresholds of Python's garbage collector: plans and manifests are large and have few cycles."""


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"xstilts {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="xstilts",
    help="Cross-lingual STILTs: intermediate-task training and zero-shot cross-lingual transfer.",
    epilog="Exit codes: 0 done, 1 unexpected error, 2 invalid input, 3 some stages failed, "
    "4 store not writable or full, 130 interrupted (re-run to resume).",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Show the version and exit.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Options without a command."""


app.add_typer(data.app, name="data")
app.add_typer(encoders.app, name="encoders")
app.add_typer(store.app, name="store")
app.add_typer(tasks.app, name="tasks")
app.command()(demo.demo)
app.command()(init.init)
app.command()(run.run)
app.command()(plan.plan)
app.command()(status.status)
app.command()(results.results)
app.command()(trials.trials)
app.command()(report.report)
app.command()(compare.compare)
app.command(cls=StudyCommand)(study.study)
app.command()(claims.claims)
app.command()(evaluate.evaluate)
app.command("export")(export.export_model)
app.command("score")(score.score_predictions)
app.command()(recommend.recommend)
app.command()(recipes.recipes)
app.command()(doctor.doctor)

use_paragraphs(app)


def main() -> None:
    """The console script; errors become messages and exit codes."""
    gc.set_threshold(*COLLECTOR)
    show_log_messages()
    sys.exit(exit_code_of(app))
