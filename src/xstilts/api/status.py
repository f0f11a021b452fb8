"""The progress of every experiment of a store."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.analysis.run_differences import RecordedRun, differences, run_date
from xstilts.analysis.run_records import saved_records
from xstilts.api.inputs import AnyStore, open_store
from xstilts.api.resume_command import ResumeCommand, resume_command, without_repeats
from xstilts.api.running_stages import RunningStage, held_stages, running_stages
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
        command: runs this version as it was defined, with the store if one was given, whether or
            not the data have changed; empty if none does.
        problem: why none does, as the end of a sentence about the run; else empty.
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
    problem: str = ""


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
    progress: list[tuple[str, int, Counter[StageState], tuple[RunningStage, ...]]] = []
    resumptions: list[ResumeCommand] = []
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
        progress.append((encoder, len(record.plan.stages), states, running))
        resumptions.append(resume_command(record))
    differs = differences(runs)
    chosen = f" --store {shlex.quote(str(snapshot.root))}" if store else ""
    rows = zip(runs, progress, without_repeats(resumptions), strict=True)
    return [
        ExperimentStatus(
            run.name,
            run.experiment,
            run.when,
            differs[run.name],
            *parts,
            command=f"{found.command}{chosen}" if found.command else "",
            problem=found.problem,
        )
        for run, parts, found in rows
    ]
