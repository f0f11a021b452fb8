"""`xstilts recommend`: rank candidate intermediate tasks."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from xstilts.cli.options import (
    Address,
    DataOption,
    Devices,
    DevicesPerStage,
    Executor,
    Gpus,
    Json,
    Partition,
    Quiet,
    StoreOption,
    Tflops,
    TimeLimit,
    Trackers,
    Workers,
)
from xstilts.planning.cost import TFLOPS


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
            metavar="FILE|PRESET", help="use recipes, limits and tasks of this experiment"
        ),
    ] = None,
    data: DataOption = None,
    store: StoreOption = None,
    workers: Workers = None,
    devices: Devices = "auto",
    per_stage: DevicesPerStage = 1,
    executor: Executor = "local",
    address: Address = "",
    partition: Partition = "",
    gpus: Gpus = None,
    time: TimeLimit = "",
    trackers: Trackers = None,
    no_measures: Annotated[
        bool, typer.Option("--no-measures", help="do not compute low-cost measures of the tasks")
    ] = False,
    tflops: Tflops = TFLOPS,
    form: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--format", help="table, csv, json or md  \\[default: table]"),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Rank candidate intermediate tasks by predicted gain.

    Predictions use the results in the store and low-cost measures of the pretrained encoder.
    """
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.recommend import prepare_recommendation
    from xstilts.api.run_options import RunOptions
    from xstilts.cli.output.console import TextConsole
    from xstilts.cli.output.json_output import chosen_format
    from xstilts.cli.output.recommend import check_form, show_recommendation
    from xstilts.cli.output.run import show_problems
    from xstilts.cli.progress import progress
    from xstilts.executors.base import BatchOptions

    form = chosen_format(form, as_json=as_json) or "table"
    check_form(form)
    request = prepare_recommendation(
        target,
        candidates.split(","),
        encoder=encoder,
        like=like,
        languages=languages.split(",") if languages else (),
        data=data,
        store=store,
        measuring=not no_measures,
    )
    options = RunOptions(
        *(workers, devices, False, executor, trackers or (), address),
        BatchOptions(partition, gpus, time),
        per_stage,
    )
    summary = request.summary(options)
    if summary.todo:
        check_disk_space(summary, request.store)
        with progress(summary, quiet=quiet) as on_event:
            result = request.measure(options, on_event)
        if quiet:
            show_problems(result, summary, TextConsole(stderr=True))
    show_recommendation(request.rank(), form, tflops)
