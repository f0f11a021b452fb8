"""`xstilts run`: run an experiment and print its gains."""

from __future__ import annotations

import typer

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    Address,
    DataOption,
    Devices,
    DevicesPerStage,
    DryRun,
    EncoderOption,
    Executor,
    Gpus,
    IgnoreDisk,
    Isolate,
    Json,
    Named,
    Overrides,
    Partition,
    Quiet,
    StoreOption,
    TimeLimit,
    Trackers,
    Workers,
)


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
    quiet: Quiet = False,
    as_json: Json = False,
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
    from xstilts.cli.output.plan_json import show_plan_json
    from xstilts.cli.output.run import (
        show_benchmarks,
        show_choices,
        show_data_notes,
        show_gains,
        show_notes,
        show_ranking,
        show_result,
    )
    from xstilts.cli.output.run_json import show_run_json
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
    notes = list(run_notes(handle))
    if dry_run and as_json:
        show_plan_json(summary, notes)
        return
    if dry_run:
        show_plan(summary)
        show_notes(notes)
        return
    if not (quiet or as_json):
        show_summary(summary)
        show_notes(notes)
    if not ignore_disk:
        check_disk_space(summary, handle.store)

    with progress(summary, quiet=quiet) as on_event:
        result = handle.run(options, on_event)
    data_notes = plan_data_notes(handle.compiled.plan.stages, handle.snapshot)
    if as_json:
        notes += [*handle.mixed_notes, *(note.text for note in data_notes if note.changes_scores)]
        show_run_json(result, summary, xstilts.gains(handle), notes)
        raise typer.Exit(result.exit_code)
    show_result(result, summary, in_full=quiet)
    show_data_notes(data_notes)
    show_choices(recipe_search_results(handle.compiled, handle.snapshot))
    show_benchmarks(benchmark_tables(handle))
    show_ranking(handle.compared)
    show_gains(
        xstilts.gains(handle), handle.results, arguments.command_line(), handle.compiled.baseline
    )
    show_notes(handle.mixed_notes)
    raise typer.Exit(result.exit_code)
