"""The progress of every experiment of a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.analysis.run_differences import RecordedRun, differences, run_date
from xstilts.analysis.run_records import saved_records
from xstilts.api.inputs import AnyStore, open_store
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
    """

    name: str
    experiment: str
    when: float
    differs: tuple[str, ...]
    encoder: str
    stages: int
    states: Mapping[StageState, int]


def status(store: AnyStore | None = None) -> list[ExperimentStatus]:
    """The progress of every experiment that was run in a store, the newest last.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.

    Raises:
        StoreError: the folder holds something else than a store.
    """
    snapshot = StoreSnapshot(open_store(store, OWN_FOLDER))
    runs: list[RecordedRun] = []
    progress: list[tuple[str, int, Mapping[StageState, int]]] = []
    for record in saved_records(snapshot):  # large: one at a time
        when = run_date(snapshot, record.name)
        runs.append(RecordedRun(record.experiment, record.digests, record.config, when))
        states = Counter(each.state for each in record.plan.statuses(snapshot).values())
        encoder = ", ".join(dict.fromkeys(cell.encoder for cell in record.cells))
        progress.append((encoder, len(record.plan.stages), states))
    differs = differences(runs)
    return [
        ExperimentStatus(run.name, run.experiment, run.when, differs[run.name], *parts)
        for run, parts in zip(runs, progress, strict=True)
    ]
