"""The `xstilts` commands, one function each.

Exit codes: 0 done; 1 unexpected error; 2 invalid input (experiment, name, data, encoder);
3 some stages failed; 4 store not writable or full; 130 interrupted (re-run to resume).
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli import data as data_commands
from xstilts.cli import encoders as encoder_commands
from xstilts.cli import store as store_commands
from xstilts.cli import tables
from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.exit_codes import exit_code_of
from xstilts.cli.log_messages import show_log_messages
from xstilts.cli.options import (
    Address,
    AsJson,
    ClaimsFile,
    DataOption,
    Devices,
    DevicesPerStage,
    DryRun,
    EncoderOption,
    Executor,
    Gpus,
    IgnoreDisk,
    Isolate,
    Named,
    OutFile,
    Overrides,
    Partition,
    StoreArgument,
    StoreOption,
    Tflops,
    TimeLimit,
    Trackers,
    Workers,
)
from xstilts.cli.study_help import StudyCommand
from xstilts.planning.cost import TFLOPS

COLLECTOR = (50_000, 10, 10)
"""Thresholds of Python's garbage collector: plans and manifests are large and have few cycles."""

app = typer.Typer(
    name="xstilts",
    help="Cross-lingual STILTs: intermediate-task training and zero-shot cross-lingual transfer.",
    epilog="Exit codes: 0 done, 1 unexpected error, 2 invalid input, 3 some stages failed, "
    "4 store not writable or full, 130 interrupted (re-run to resume).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(data_commands.app, name="data")
app.add_typer(encoder_commands.app, name="encoders")
app.add_typer(store_commands.app, name="store")


@app.command()
def run(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    per_stage: DevicesPerStage = 1,
    executor: Executor = "local",
    address: Address = "",
    partition: Partition = "",
    gpus: Gpus = None,
    time: TimeLimit = "",
    trackers: Trackers = None,
    isolate: Isolate = False,
    ignore_disk: IgnoreDisk = False,
    dry_run: DryRun = False,
) -> None:
    """Run the missing stages of an experiment and print the gains; re-run to resume."""
    import xstilts
    from xstilts.analysis.data_notes import plan_data_notes
    from xstilts.analysis.recipe_choices import recipe_search_results
    from xstilts.api.handle import open_experiment
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.results import benchmark_tables
    from xstilts.api.run_notes import run_notes
    from xstilts.api.run_options import RunOptions
    from xstilts.cli.output.plan import show_plan, show_summary
    from xstilts.cli.output.run import (
        show_benchmarks,
        show_choices,
        show_data_notes,
        show_gains,
        show_notes,
        show_ranking,
        show_result,
    )
    from xstilts.cli.progress import progress
    from xstilts.executors.base import BatchOptions

    arguments = ExperimentArguments(experiment, store, overrides, encoder, data)
    handle = open_experiment(arguments.load(), store)
    options = RunOptions(
        *(workers, devices, isolate, executor, trackers or (), address),
        BatchOptions(partition, gpus, time),
        per_stage,
        not ignore_disk,
    )
    summary = handle.summary(options)
    if dry_run:
        show_plan(summary)
        return
    show_summary(summary)
    show_notes(run_notes(handle))
    if not ignore_disk:
        check_disk_space(summary, handle.store)

    with progress(summary) as on_event:
        result = handle.run(options, on_event)
    show_result(result, summary)
    show_data_notes(plan_data_notes(handle.compiled.plan.stages, handle.snapshot))
    show_choices(recipe_search_results(handle.compiled, handle.snapshot))
    show_benchmarks(benchmark_tables(handle))
    show_ranking(handle.compared)
    show_gains(
        xstilts.gains(handle), handle.results, arguments.command_line(), handle.compiled.baseline
    )
    raise typer.Exit(result.exit_code)


@app.command()
def plan(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    per_stage: DevicesPerStage = 1,
    tflops: Tflops = TFLOPS,
    all_stages: Annotated[
        bool, typer.Option("--all", help="list every stage, also of a large plan")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the stages with their state, expected time and disk use.

    Also show expected GPU-hours, and data that are missing or come from the hub.
    """
    import xstilts
    from xstilts.cli.output.plan import show_plan
    from xstilts.cli.output.plan_json import show_plan_json

    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    summary = xstilts.plan(
        loaded, store, workers=workers, devices=devices, devices_per_stage=per_stage
    )
    if as_json:
        show_plan_json(summary)
    else:
        show_plan(summary, all_stages=all_stages, tflops=tflops)


@app.command()
def status(store: StoreOption = None) -> None:
    """Show progress of each experiment and recent events."""
    import xstilts
    from xstilts.api.inputs import open_store
    from xstilts.cli.output.status import show_status
    from xstilts.core.store_layout import OWN_FOLDER

    opened = open_store(store, OWN_FOLDER)
    show_status(opened, xstilts.status(opened))


app.command()(tables.results)
app.command()(tables.trials)


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
            "--format", help="html, md, latex, csv, parquet, or xtreme (leaderboard submissions)"
        ),
    ] = "html",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="output file or folder  \\[default: ./xstilts-NAME.FORMAT]"),
    ] = None,
) -> None:
    """Write the report as one self-contained HTML page, or its tables only.

    md, latex: gains, best setting per target and XTREME's table. csv, parquet: gains.

    xtreme: one leaderboard submission per encoder, setting and seed; exit code 2 if incomplete.
    """
    import xstilts
    from xstilts.api.report import XTREME, submissions

    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    if form == XTREME:
        from xstilts.cli.output.submissions import show_submissions

        written = submissions(loaded, out, store)
        show_submissions(written)
        raise typer.Exit(2 if any(submission.problems for submission in written) else 0)
    typer.echo(f"wrote {xstilts.report(loaded, out, store, form=form)}")


@app.command(cls=StudyCommand)
def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help="name of the study, see below")],
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    per_stage: DevicesPerStage = 1,
    executor: Executor = "local",
    address: Address = "",
    trackers: Trackers = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="folder for a copy of the answer"),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Run the stages that a study needs and answer its question from the results.

    Tables, figures and text are written to STORE/studies/EXPERIMENT/NAME and shown in the report.
    """
    from xstilts.api.inputs import check_output
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.run_options import RunOptions
    from xstilts.api.study import prepare_study
    from xstilts.cli.output.plan import show_plan, show_summary
    from xstilts.cli.output.run import show_result
    from xstilts.cli.output.study import show_answer, show_prospects
    from xstilts.cli.progress import progress
    from xstilts.reports.study import copy_answer

    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    study_run = prepare_study(name, loaded, store)
    options = RunOptions(
        *(workers, devices, False, executor, trackers or (), address), devices_per_stage=per_stage
    )
    summary = study_run.summary(options)
    if dry_run:
        show_plan(summary)
    else:
        show_summary(summary)
    show_prospects(study_run.planned, all_questions=dry_run)
    if dry_run:
        return
    check_disk_space(summary, study_run.store)
    with progress(summary) as on_event:
        result = study_run.run(options, on_event)
    show_result(result, summary)
    answer, files = study_run.answer()
    show_answer(answer, files, copy_answer(files, out) if out else [])
    raise typer.Exit(result.exit_code)


@app.command()
def claims(
    store: StoreArgument = None,
    path: ClaimsFile = None,
    form: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--format", help="md, json or html  \\[default: a table]"),
    ] = None,
    out: OutFile = None,
) -> None:
    """Test published claims against the results of a store.

    Verdicts on results: supported, contradicted, undecided or not testable here. Facts about the
    set-up: met, met in part or not met. See docs/guide/claims.md.
    """
    import xstilts
    from xstilts.api.inputs import check_output, open_store
    from xstilts.cli.output.claims import show_claims
    from xstilts.core.store_layout import OWN_FOLDER

    opened = open_store(store, OWN_FOLDER)
    check_output(out, None, opened)
    show_claims(xstilts.claims(opened, path), form, out, opened)


@app.command()
def recommend(
    target: Annotated[str, typer.Option(help="target task")],
    candidates: Annotated[
        str, typer.Option(metavar="A,B,C", help="candidate intermediate settings")
    ],
    encoder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Hugging Face name or folder  \\[default: that of --like]"),
    ] = None,
    languages: Annotated[
        str, typer.Option(metavar="DE,SW", help="languages of the target  \\[default: all]")
    ] = "",
    like: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="EXPERIMENT|PRESET", help="use recipes, limits and tasks of this experiment"
        ),
    ] = None,
    data: DataOption = None,
    store: StoreOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    per_stage: DevicesPerStage = 1,
    executor: Executor = "local",
    address: Address = "",
    trackers: Trackers = None,
    measures: Annotated[bool, typer.Option(help="compute and use low-cost task measures")] = True,
    tflops: Tflops = TFLOPS,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or md")] = "table",
) -> None:
    """Rank candidate intermediate tasks by predicted gain.

    Predictions use the results in the store and low-cost measures of the pretrained encoder.
    """
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.recommend import prepare_recommendation
    from xstilts.api.run_options import RunOptions
    from xstilts.cli.output.recommend import check_form, show_recommendation
    from xstilts.cli.progress import progress

    check_form(form)
    request = prepare_recommendation(
        target,
        candidates.split(","),
        encoder=encoder,
        like=like,
        languages=languages.split(",") if languages else (),
        data=data,
        store=store,
        measuring=measures,
    )
    options = RunOptions(
        *(workers, devices, False, executor, trackers or (), address), devices_per_stage=per_stage
    )
    summary = request.summary(options)
    if summary.todo:
        check_disk_space(summary, request.store)
        with progress(summary) as on_event:
            request.measure(options, on_event)
    show_recommendation(request.rank(), form, tflops)


app.command()(tables.tasks)
app.command()(tables.recipes)


@app.command()
def doctor() -> None:
    """Show versions, devices, store and access to the Hugging Face hub."""
    from xstilts.cli.doctor import diagnose
    from xstilts.cli.output.doctor import show_diagnosis

    show_diagnosis(diagnose())


def main() -> None:
    """The console script; errors become messages and exit codes."""
    gc.set_threshold(*COLLECTOR)
    show_log_messages()
    sys.exit(exit_code_of(app))
