"""The progress of every experiment of a store."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.analysis.run_differences import RecordedRun, differences, run_date
from xstilts.analysis.run_records import RunRecord, saved_records
from xstilts.api.inputs import AnyStore, open_store
from xstilts.api.running_stages import RunningStage, held_stages, running_stages
from xstilts.config.load import presets
from xstilts.core.plan import StageState
from xstilts.core.store_layout import OWN_FOLDER
from xstilts.core.store_snapshot import StoreSnapshot


@dataclass(frozen=True)
class ExperimentStatus:
    """The progress of one experiment that was run in a store.

    Args:
        name: the experiment's, and digests of its configuration and data.
        experiment: its name alone.
        when: of the last run, in seconds since 1970.
        differs: its values of the keys in which runs of this name differ; empty for a single one.
        encoder: its encoder, or several with commas; empty if it has no result cell.
        stages: how many its plan has.
        states: how many of them are in each state.
        running: those that processes work on now.
        command: resumes it, if the options of the last run are added.
    """

    name: str
    experiment: str
    when: float
    differs: tuple[str, ...]
    encoder: str
    stages: int
    states: Mapping[StageState, int]
    running: tuple[RunningStage, ...] = ()
    command: str = ""


def status(store: AnyStore | None = None) -> list[ExperimentStatus]:
    """The progress of every experiment that was run in a store, the newest last.

    Nothing is written.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.

    Raises:
        StoreError: the folder holds something else than a store.
    """
    snapshot = StoreSnapshot(open_store(store, OWN_FOLDER))
    held = held_stages(snapshot)
    runs: list[RecordedRun] = []
    progress: list[tuple[Any, ...]] = []
    for record in saved_records(snapshot):  # large: one at a time
        when = run_date(snapshot, record.name)
        runs.append(RecordedRun(record.experiment, record.digests, record.config, when))
        statuses = record.plan.statuses(snapshot)
        states = Counter(each.state for each in statuses.values())
        open_stages = (
            stage
            for stage in record.plan.stages
            if statuses[stage.key].state is not StageState.DONE
        )
        running = running_stages(open_stages, held)
        encoder = ", ".join(dict.fromkeys(cell.encoder for cell in record.cells))
        command = f"xstilts run {shlex.quote(_argument(record))}"
        progress.append((encoder, len(record.plan.stages), states, running, command))
    differs = differences(runs)
    return [
        ExperimentStatus(run.name, run.experiment, run.when, differs[run.name], *parts)
        for run, parts in zip(runs, progress, strict=True)
    ]


def _argument(record: RunRecord) -> str:
    """The file of an experiment, or the preset that it was."""
    file = Path(record.origin or record.experiment)
    return file.stem if file.stem in presets() and not file.is_file() else str(file)
