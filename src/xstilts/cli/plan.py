"""`xstilts plan`: what a run would do, and what it would cost."""

from __future__ import annotations

from typing import Annotated

import typer

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    DataOption,
    Devices,
    DevicesPerStage,
    EncoderOption,
    Json,
    Named,
    Overrides,
    StoreOption,
    Tflops,
    Workers,
)
from xstilts.planning.cost import TFLOPS


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
        bool, typer.Option("--all", help="list every stage, including finished ones")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what is to do, with expected time, disk use and memory.

    Also show expected GPU-hours, and data that are missing or come from the hub. --all lists the
    finished stages too.
    """
    import xstilts
    from xstilts.api.handle import open_experiment
    from xstilts.api.run_notes import run_notes
    from xstilts.cli.output.plan import show_plan, show_unread_tasks
    from xstilts.cli.output.plan_json import show_plan_json
    from xstilts.cli.output.run import show_notes

    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    handle = open_experiment(loaded, store)
    summary = xstilts.plan(handle, workers=workers, devices=devices, devices_per_stage=per_stage)
    notes = list(run_notes(handle))
    if as_json:
        show_plan_json(summary, notes)
    else:
        show_plan(summary, all_stages=all_stages, tflops=tflops)
        show_notes(notes)
        if experiment.endswith((".yaml", ".yml")):
            show_unread_tasks(summary, experiment, loaded.experiment.tasks)
