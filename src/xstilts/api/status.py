"""The progress of every experiment of a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.analysis.run_records import saved_records
from xstilts.api.inputs import AnyStore, open_store
from xstilts.core.plan import StageState
from xstilts.core.store_layout import OWN_FOLDER
from xstilts.core.store_snapshot import StoreSnapshot


@dataclass(frozen=True)
class ExperimentStatus:
    """The progress of one experiment that was run in a store.

    Args:
        name: the experiment's, and a digest of its configuration.
        encoder: its encoder, or several with commas; empty if it has no result cell.
        stages: how many its plan has.
        states: how many of them are in each state.
    """

    name: str
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
    statuses = []
    for record in saved_records(snapshot):
        states = Counter(one.state for one in record.plan.statuses(snapshot).values())
        encoder = ", ".join(dict.fromkeys(cell.encoder for cell in record.cells))
        statuses.append(ExperimentStatus(record.name, encoder, len(record.plan.stages), states))
    return statuses
