"""`xstilts study`: run a study and answer its question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.completion import complete_studies
from xstilts.cli.options import (
    Address,
    DataOption,
    Devices,
    DevicesPerStage,
    DryRun,
    EncoderOption,
    Executor,
    Gpus,
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


def study(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="name of the study, see below", autocompletion=complete_studies
        ),
    ],
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
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="folder for a copy of the answer"),
    ] = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run the stages that a study needs and answer its question from the results.

    Tables, figures and text are written to STORE/studies/EXPERIMENT/NAME and shown in the report.
    """
    from xstilts.api.inputs import check_output
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.run_options import RunOptions
    from xstilts.api.study import prepare_study
    from xstilts.cli.output.console import TextConsole
    from xstilts.cli.output.json_output import print_json
    from xstilts.cli.output.plan import show_plan, show_summary
    from xstilts.cli.output.run import show_problems, show_result
    from xstilts.cli.output.study import show_answer, show_planned_json, show_prospects
    from xstilts.cli.progress import progress
    from xstilts.core.atomic_io import read_json
    from xstilts.executors.base import BatchOptions
    from xstilts.reports.study import copy_answer

    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    study_run = prepare_study(name, loaded, store)
    options = RunOptions(
        *(workers, devices, False, executor, trackers or (), address),
        BatchOptions(partition, gpus, time),
        per_stage,
    )
    summary = study_run.summary(options)
    if dry_run and as_json:
        show_planned_json(study_run.outlook, summary)
        return
    if dry_run:
        show_plan(summary)
        show_prospects(study_run.outlook, all_questions=True)
        return
    if not (quiet or as_json):
        show_summary(summary)
    if not as_json:
        show_prospects(study_run.outlook, all_questions=False)
    check_disk_space(summary, study_run.store)
    with progress(summary, quiet=quiet) as on_event:
        result = study_run.run(options, on_event)
    answer, files = study_run.answer()
    copies = copy_answer(files, out) if out else []
    if as_json:
        if quiet:
            show_problems(result, summary, TextConsole(stderr=True))
        print_json(read_json(files[-1]))
    else:
        show_result(result, summary, in_full=quiet)
        show_answer(answer, files, copies)
    raise typer.Exit(result.exit_code)
