"""What was run in a store: a file for each experiment as it was, with its stages and cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xstilts.config.load import LoadedExperiment
from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.hashing import digest_of
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell


def recorded_cells(store: Store) -> list[ResultCell]:
    """The cells of every experiment that was run in a store, each once."""
    return list(dict.fromkeys(cell for one in saved_records(store) for cell in one.cells))


@dataclass(frozen=True)
class RunRecord:
    """An experiment as it was run in a store.

    Args:
        name: the experiment's, and a digest of what it was.
    """

    name: str
    cells: tuple[ResultCell, ...]
    plan: Plan

    def has_results(self, store: Store) -> bool:
        """Whether any of its scores is there."""
        return any(store.has(cell.key) for cell in self.cells)


def saved_records(store: Store) -> Iterator[RunRecord]:
    """Every experiment that was run in a store, the newest last."""
    for path in records(store):
        record = read_json(path)
        stages = tuple(Stage.from_json(stage) for stage in record["stages"])
        yield RunRecord(path.stem, tuple(map(_cell, record["cells"])), Plan(stages))


def _cell(record: dict[str, Any]) -> ResultCell:
    tuples = {name: tuple(record[name]) for name in ("metrics", "trained_by")}
    return ResultCell(**{**record, **tuples})


def records(store: Store, name: str = "*") -> list[Path]:
    """What was run in a store: a file for each experiment as it was, the newest last."""
    found = (store.root / "experiments").glob(f"{name}@*.json")
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def newest(store: Store) -> list[tuple[str, CompiledPlan]]:
    """Experiments as they were last run with each encoder, the newest first.

    One that was changed and has no result yet does not hide what came out of it before.
    """
    found: dict[tuple[str, str], CompiledPlan] = {}
    every = sorted(saved_records(store), key=lambda one: one.has_results(store))
    for one in reversed(every):
        place = one.name.rpartition("@")[0], one.cells[0].encoder
        found.setdefault(place, CompiledPlan(one.plan, one.cells))
    return [(name, compiled) for (name, _), compiled in found.items()]


def save_record(loaded: LoadedExperiment, compiled: CompiledPlan, store: Store) -> None:
    """Write down what was run, so that results and the next plan can refer to it."""
    experiment = loaded.experiment.model_dump(mode="json", by_alias=True)
    name = f"{loaded.experiment.name}@{digest_of(experiment)[:8]}.json"
    write_json(
        store.root / "experiments" / name,
        {
            "experiment": experiment,
            "text": loaded.text,
            "origin": Path(loaded.origin).name,
            "stages": [stage.to_json() for stage in compiled.plan.stages],
            "cells": [asdict(cell) for cell in compiled.cells],
        },
    )
