"""`xstilts`: the verbs, one function each.

Exit codes: 0 done; 1 unforeseen error; 2 wrong input (experiment, name, data, encoder);
3 some stages failed; 4 store not writable or full; 130 interrupted (run again).
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Optional

import typer

from xstilts.cli import data as data_verbs
from xstilts.cli.options import (
    DataOption,
    Devices,
    DryRun,
    EncoderOption,
    Executor,
    MaybeNamed,
    Named,
    OutFile,
    Overrides,
    StoreOption,
    Trackers,
    Workers,
)
from xstilts.cli.study_help import StudyCommand
from xstilts.core.errors import XstiltsError
from xstilts.planning.cost import TFLOPS

INTERRUPTED = 130

app = typer.Typer(
    name="xstilts",
    help="Cross-lingual STILTs: intermediate-task training and zero-shot cross-lingual transfer.",
    epilog="Exit codes: 0 done, 1 unforeseen error, 2 wrong input, 3 some stages failed, "
    "4 store not writable or full, 130 interrupted (run again and it goes on).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(data_verbs.app, name="data")


@app.command()
def run(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    executor: Executor = "local",
    trackers: Trackers = None,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="a fresh process for every stage")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Run what is missing of an experiment, then print the gains. Stop it anywhere; run again."""
    import xstilts
    from xstilts.api.handle import open_experiment
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.results import xtreme_table
    from xstilts.cli.output import tables as show
    from xstilts.cli.progress import progress

    handle = open_experiment(
        xstilts.load(experiment, overrides or [], encoder=encoder, data=data), store
    )
    outlook = xstilts.plan(handle, workers=workers, devices=devices)
    show.outlook(outlook, whole=dry_run)
    if dry_run:
        return
    check_disk_space(outlook, handle.store)
    with progress(outlook) as listen:
        outcome = xstilts.run(
            handle,
            workers=workers,
            devices=devices,
            isolate=isolate,
            executor=executor,
            trackers=trackers or (),
            on_event=listen,
        )
    show.outcome(outcome, outlook)
    words = [experiment]
    for option, values in (
        ("--store", [store] if store else []),
        ("--set", overrides or []),
        ("--encoder", [encoder] if encoder else []),
        ("--data", [data] if data else []),
    ):
        for value in values:
            words += [option, str(value)]
    show.xtreme(xtreme_table(handle))
    show.gains(xstilts.gains(handle), words)
    raise typer.Exit(outcome.exit_code)


@app.command()
def plan(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    tflops: Annotated[
        float,
        typer.Option(
            min=0.001, help="10^12 operations per second that a GPU is assumed to sustain"
        ),
    ] = TFLOPS,
    every: Annotated[
        bool, typer.Option("--all", help="list every stage, of however large a plan")
    ] = False,
) -> None:
    """List every stage, done or to do and why, with the expected time and disk.

    Also what one GPU would need at an assumed rate, and which data are missing or on the hub.
    """
    import xstilts
    from xstilts.cli.output import tables as show

    loaded = xstilts.load(experiment, overrides or [], encoder=encoder, data=data)
    seen = xstilts.plan(loaded, store, workers=workers, devices=devices)
    show.outlook(seen, whole=True, every=every, tflops=tflops)


@app.command()
def status(store: StoreOption = None) -> None:
    """Say how far each experiment of a store is, and what happened last."""
    import xstilts
    from xstilts.api.load import open_store
    from xstilts.cli.output import tables as show

    place = open_store(store)
    show.status(place, xstilts.status(place))


@app.command()
def results(
    experiment: MaybeNamed = None,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    form: Annotated[
        str, typer.Option("--format", help="csv, md, latex, or parquet (needs --out)")
    ] = "csv",
    out: OutFile = None,
) -> None:
    """Print every score known so far as one tidy table."""
    import xstilts
    from xstilts.cli.output import tables as show

    loaded = None
    if experiment:
        loaded = xstilts.load(experiment, overrides or [], encoder=encoder, data=data)
    show.frame(xstilts.results(loaded, store), form, out)


@app.command()
def report(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="html, md, latex, csv, parquet, or xtreme: leaderboard submissions"
        ),
    ] = "html",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="file, or folder, to write  [default: ./xstilts-NAME.FORMAT]"),
    ] = None,
) -> None:
    """Write the report: one HTML page that needs no network, or its tables alone.

    md and latex hold the gains, the best setting per target and XTREME's table; csv and parquet
    the gains.

    With `--format xtreme`, write a submission to XTREME's leaderboard for each encoder, setting
    and seed; ends with 2 if one is incomplete.
    """
    import xstilts
    from xstilts.api.report import XTREME, submissions

    loaded = xstilts.load(experiment, overrides or [], encoder=encoder, data=data)
    if form == XTREME:
        from xstilts.cli.output import tables as show

        made = submissions(loaded, out, store)
        show.submissions(made)
        raise typer.Exit(2 if any(one.problems for one in made) else 0)
    typer.echo(f"wrote {xstilts.report(loaded, out, store, form=form)}")


@app.command(cls=StudyCommand)
def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a study; see below")],
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    executor: Executor = "local",
    trackers: Trackers = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="folder for a copy of what is written into the store"),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Run what a question needs beside an experiment, then answer it from the results.

    Writes the answer as tables, figures and a page into STORE/studies/EXPERIMENT/NAME; the next
    `xstilts report` of the experiment shows it.
    """
    import xstilts
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.run_options import RunOptions
    from xstilts.api.study import prepare_study
    from xstilts.cli.output import study as printed
    from xstilts.cli.output import tables as show
    from xstilts.cli.progress import progress
    from xstilts.reports.study import copy_answer

    loaded = xstilts.load(experiment, overrides or [], encoder=encoder, data=data)
    asked = prepare_study(name, loaded, store)
    options = RunOptions(workers, devices, executor=executor, trackers=trackers or ())
    outlook = asked.summary(options)
    show.outlook(outlook, whole=dry_run)
    if dry_run:
        return
    check_disk_space(outlook, asked.store)
    with progress(outlook) as listen:
        outcome = asked.run(options, listen)
    show.outcome(outcome, outlook)
    answer, files = asked.answer()
    printed.show(answer, files, copy_answer(files, out) if out else [])
    raise typer.Exit(outcome.exit_code)


@app.command()
def claims(
    store: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(metavar="[STORE]", help="where artifacts live  [default: ./xstilts-store]"),
    ] = None,
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--claims", help="a YAML file of claims instead of the paper's"),
    ] = None,
    form: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--format", help="md, json or html  [default: a table here]"),
    ] = None,
    out: OutFile = None,
) -> None:
    """Judge published claims by what the experiments of a store have found.

    Each is supported, contradicted, undecided or not testable here; docs/guide/claims.md says how.
    """
    import xstilts
    from xstilts.api.load import open_store
    from xstilts.cli.output import tables as show

    place = open_store(store)
    show.ledger(xstilts.claims(place, path), form, out, place)


@app.command()
def recommend(
    target: Annotated[str, typer.Option(help="the target task")],
    candidates: Annotated[
        str, typer.Option(metavar="A,B,C", help="intermediate settings to choose from")
    ],
    encoder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="a Hugging Face name or a folder; with --like, the experiment's"),
    ] = None,
    languages: Annotated[
        str, typer.Option(metavar="DE,SW", help="of the target  [default: all]")
    ] = "",
    like: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="EXPERIMENT|PRESET", help="take recipes, limits and tasks from this experiment"
        ),
    ] = None,
    data: DataOption = None,
    store: StoreOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    executor: Executor = "local",
    trackers: Trackers = None,
    measures: Annotated[
        bool, typer.Option(help="take the cheap measures that are missing, and use them")
    ] = True,
    tflops: Annotated[
        float,
        typer.Option(
            min=0.001, help="10^12 operations per second that a GPU is assumed to sustain"
        ),
    ] = TFLOPS,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or md")] = "table",
) -> None:
    """Rank intermediate tasks for a target before paying for them, from what can be known so far.

    That is results in the store, and measures that one pass of the pretrained encoder gives.
    """
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.recommend import prepare_recommendation
    from xstilts.api.run_options import RunOptions
    from xstilts.cli.output import recommend as printed
    from xstilts.cli.progress import progress

    printed.check_form(form)
    asked = prepare_recommendation(
        target,
        candidates.split(","),
        encoder=encoder,
        like=like,
        languages=languages.split(",") if languages else (),
        data=data,
        store=store,
        measuring=measures,
    )
    options = RunOptions(workers, devices, executor=executor, trackers=trackers or ())
    outlook = asked.summary(options)
    if outlook.todo:
        check_disk_space(outlook, asked.store)
        with progress(outlook) as listen:
            asked.measure(options, listen)
    printed.show(asked.rank(), form, tflops)


@app.command()
def tasks(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="a task, for all that is known of it"),
    ] = None,
) -> None:
    """List the tasks with their formats, languages, sources and licences."""
    from xstilts.cli.output import tables as show

    show.tasks(name)


@app.command()
def doctor() -> None:
    """Show versions, device, packages and whether the hub can be reached."""
    from xstilts.cli.doctor import diagnose

    diagnose()


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; unlike a KeyboardInterrupt, click lets it through."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted


def main() -> None:
    """The console script: errors as words and an exit code, a stop as advice."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except XstiltsError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(error.exit_code)
    except Interrupted:
        typer.secho("stopped; everything finished is kept: run again to go on", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)
