"""Earlier runs whose scores a run of the same name takes out of view."""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.analysis.run_differences import changed_keys
from xstilts.analysis.run_records import experiment_config, saved_cells
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan


@dataclass(frozen=True)
class ReplacedRun:
    """The last run of an experiment's name with the same encoder.

    Args:
        hidden: number of its scores that the experiment does not have; they stay in the store.
        scores: number of its scores with the experiment's encoders.
        changed: keys of the experiment whose values differ; empty if only data differ.
    """

    hidden: int
    scores: int
    changed: tuple[str, ...]


def replaced_run(
    loaded: LoadedExperiment, compiled: CompiledPlan, store: Store
) -> ReplacedRun | None:
    """The run that results and reports no longer show once the experiment runs; None: none."""
    encoders = {cell.encoder for cell in compiled.cells}
    last = None
    for record in saved_cells(store, loaded.experiment.name):  # large: one at a time
        if encoders & {cell.encoder for cell in record.cells}:
            last = record.cells, record.config
    if last is None:
        return None
    cells, config = last
    shown = {cell.key for cell in compiled.cells}
    of_encoders = (cell for cell in cells if cell.encoder in encoders)
    scored = [cell.key for cell in of_encoders if store.has(cell.key)]
    hidden = len(set(scored) - shown)
    if not hidden:
        return None
    changed = changed_keys(config, experiment_config(loaded.experiment))
    return ReplacedRun(hidden, len(set(scored)), tuple(changed))


def other_encoders(
    loaded: LoadedExperiment, compiled: CompiledPlan, store: Store
) -> tuple[str, ...]:
    """Encoders of earlier runs of an experiment's name, if none of them has one of its own."""
    encoders = {cell.encoder for cell in compiled.cells}
    others: dict[str, None] = {}
    for record in saved_cells(store, loaded.experiment.name):
        own = dict.fromkeys(cell.encoder for cell in record.cells)
        if encoders & own.keys():
            return ()
        others |= own
    return tuple(others)
