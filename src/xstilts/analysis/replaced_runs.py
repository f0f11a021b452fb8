"""Earlier runs whose scores a run of the same name takes out of view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.analysis.run_records import experiment_config, saved_cells
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import OLD_RECIPE_KEYS
from xstilts.config.renamed_keys import OLD_EXPERIMENT_KEYS
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan

CURRENT_NAMES = OLD_EXPERIMENT_KEYS | OLD_RECIPE_KEYS


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
    changed = dict.fromkeys(_changed(config, experiment_config(loaded.experiment)))
    return ReplacedRun(hidden, len(set(scored)), tuple(changed))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Dotted keys, by their current names, whose values differ."""
    for key in dict.fromkeys((*before, *after)):
        name = f"{above}{CURRENT_NAMES.get(key, key)}"
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changed(old, new, f"{name}.")
        elif old != new:
            yield name
