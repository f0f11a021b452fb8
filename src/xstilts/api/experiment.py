"""Load, plan and run an experiment.

    loaded = xstilts.load("quickstart", ["seeds=[0]"])
    print(xstilts.plan(loaded).seconds)
    xstilts.run(loaded)
    xstilts.gains(loaded)

A YAML file or a preset's name can stand for the loaded experiment: `xstilts.run("toy.yaml")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xstilts.api.handle import AnyExperiment, open_experiment
from xstilts.api.inputs import AnyStore, load
from xstilts.api.notebook_progress import in_notebook, notebook_progress
from xstilts.api.plan_summary import PlanSummary
from xstilts.api.run_options import RunOptions
from xstilts.core.devices import AUTO
from xstilts.executors.base import LOCAL, NO_BATCH, BatchOptions, RunResult
from xstilts.executors.events import Listener, ignore_events

if TYPE_CHECKING:
    from xstilts.trackers.base import Tracker

__all__ = ["load", "plan", "run"]


def plan(
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    workers: int | None = None,
    devices: str = AUTO,
    devices_per_stage: int = 1,
) -> PlanSummary:
    """Every stage of an experiment: done or to do, why, and the expected time and disk.

    Nothing is computed for it, and nothing downloaded but the config.json of an unknown encoder.

    Args:
        experiment: as loaded, or a YAML file or a preset's name.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        workers, devices, devices_per_stage: see `run`; the expected seconds are divided by the
            processes.

    Raises:
        ConfigError: no such file or preset, names in it that do not exist or fit together, or a
            `max_length` above the encoder's positions.
    """
    handle = open_experiment(experiment, store)
    return handle.summary(RunOptions(workers, devices, devices_per_stage=devices_per_stage))


def run(
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    workers: int | None = None,
    devices: str = AUTO,
    devices_per_stage: int = 1,
    isolate: bool = False,
    executor: str = LOCAL,
    address: str = "",
    batch: BatchOptions = NO_BATCH,
    trackers: Sequence[str | Tracker] = (),
    on_event: Listener | None = None,
) -> RunResult:
    """Run the stages of an experiment that are not done.

    A run that was interrupted continues at the next call. A failed stage stops only the stages
    that need it; the result names both. Damaged artifacts are moved to `damaged/` and rebuilt.

    Args:
        experiment: as loaded, or a YAML file or a preset's name.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        workers: processes at a time; by default one per GPU, or per core of a CPU (at most 4).
        devices: `auto` (all GPUs, else the CPU), `cpu`, or GPUs such as `0,1`.
        devices_per_stage: over how many devices of one machine a training is divided.
        isolate: a fresh process for every stage.
        executor: its name in `executors.EXECUTORS`.
        address: of the cluster, for executors that run on one.
        batch: for executors that submit jobs to a batch system.
        trackers: names in `trackers.TRACKERS`, or trackers; each gets every event.
        on_event: called with every event, in this process; by default a notebook shows progress.

    Raises:
        ConfigError: an invalid experiment, no such executor, tracker or device, a tracker that
            cannot log in, or no data folder for tasks that are read from files.
        MissingPackageError: the package of a tracker, or peft for `lora`, is not installed.
        StoreError: the store cannot be written, or its disk is full.
    """
    handle = open_experiment(experiment, store)
    options = RunOptions(
        *(workers, devices, isolate, executor, trackers, address, batch), devices_per_stage
    )
    if on_event is None and in_notebook():
        with notebook_progress(handle.summary(options)) as show_event:
            return handle.run(options, show_event)
    return handle.run(options, on_event or ignore_events)
