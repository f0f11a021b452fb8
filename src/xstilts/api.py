"""The verbs of xstilts, for notebooks and for the command line alike.

loaded = xstilts.load("quickstart")
xstilts.plan(loaded)              what would run, and why
xstilts.run(loaded)               runs what is missing
xstilts.results(loaded)           a pandas frame
xstilts.report(loaded, "report.html")
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.analysis.scan import expected, outcomes, results_frame
from xstilts.config.load import Loaded
from xstilts.config.load import load as load_experiment
from xstilts.core.errors import StoreError
from xstilts.core.files import read_json, write_json
from xstilts.core.keys import digest_of
from xstilts.core.plan import Plan, Standing, State
from xstilts.core.stage import Stage
from xstilts.core.store import Store, explain
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor, Outcome
from xstilts.stages.compile import Cell, Compiled, compile_experiment
from xstilts.stages.cost import calibration

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_STORE = "xstilts-store"


def open_store(store: Store | Path | str | None = None) -> Store:
    """A store: the one given, else $XSTILTS_STORE, else ./xstilts-store."""
    if isinstance(store, Store):
        return store
    return Store(store or os.environ.get("XSTILTS_STORE") or DEFAULT_STORE)


def load(
    name_or_path: str,
    overrides: Sequence[str] = (),
    *,
    encoder: str | None = None,
    data: Path | str | None = None,
) -> Loaded:
    """An experiment from a YAML file or a preset's name.

    Args:
        overrides: texts `a.b=value`.
        encoder: a folder or a Hugging Face name to take instead of the experiment's.
        data: a folder to take instead of the experiment's `data`.

    Raises:
        ConfigError: with file and line.
    """
    changes = []
    if encoder is not None:
        local = Path(encoder).expanduser()
        name = str(local.absolute()) if local.is_dir() else encoder
        changes.append(f"encoder.name={json.dumps(name)}")
    if data is not None:
        changes.append(f"data={json.dumps(str(Path(data).expanduser().absolute()))}")
    return load_experiment(name_or_path, [*changes, *overrides])


@dataclass(frozen=True)
class Outlook:
    """What is done, what is to do and why, and what that will need.

    Args:
        seconds: expected for what is to do, on `workers` processes.
        bytes: expected growth of the store.
    """

    compiled: Compiled
    standings: dict[str, Standing]
    stage_seconds: dict[str, float]
    seconds: float
    bytes: int
    free_bytes: int
    measured: bool

    @property
    def todo(self) -> list[Stage]:
        """Stages that would run."""
        return [
            stage
            for stage in self.compiled.plan.stages
            if self.standings[stage.key].state is State.TODO
        ]


def plan(
    loaded: Loaded, store: Store | Path | str | None = None, *, workers: int | None = None
) -> Outlook:
    """Every stage of an experiment: done or to do, why, and the expected time and disk."""
    place = open_store(store)
    compiled = _compiled(loaded, place)
    standings = compiled.plan.standings(place)
    done = [key for key, standing in standings.items() if standing.state is State.DONE]
    ratios = calibration(compiled.plan, place, done)
    seconds = {
        stage.key: stage.cost.seconds * ratios.get(stage.kind, 1.0)
        for stage in compiled.plan.stages
    }
    todo = [key for key, standing in standings.items() if standing.state is State.TODO]
    return Outlook(
        compiled,
        standings,
        seconds,
        seconds=sum(seconds[key] for key in todo) / (workers or default_workers()),
        bytes=sum(compiled.plan.by_key[key].cost.bytes for key in todo),
        free_bytes=place.free_bytes(),
        measured=bool(ratios),
    )


def run(
    loaded: Loaded,
    store: Store | Path | str | None = None,
    *,
    workers: int | None = None,
    isolate: bool = False,
    listen: Callable[[Event], None] = lambda _: None,
) -> Outcome:
    """Run what is missing of an experiment; call again after any interruption.

    Raises:
        StoreError: the store cannot be written.
    """
    place = open_store(store).prepare()
    compiled = _compiled(loaded, place)
    executor = LocalExecutor(place, workers=workers or default_workers(), isolate=isolate)
    try:
        place.sweep()
        _remember(loaded, compiled, place)
        return executor.run(compiled.plan, listen)
    except OSError as error:  # the workers' own are told by the workers
        raise explain(error, place.root) from error


def results(loaded: Loaded | None = None, store: Store | Path | str | None = None) -> pd.DataFrame:
    """The scores known so far as a tidy frame; of all the store's experiments if none is given.

    Columns: encoder, intermediate, target, language, split, seed, metric, value, n, key, note.
    """
    place = open_store(store)
    cells = compile_experiment(loaded).cells if loaded else remembered_cells(place)
    return results_frame(cells, place)


def remembered_cells(store: Store) -> list[Cell]:
    """The cells of every experiment that was run in a store, each once."""
    cells: dict[Cell, None] = {}
    for path in _records(store):
        for cell in read_json(path)["cells"]:
            tuples = {name: tuple(cell[name]) for name in ("metrics", "trained_by")}
            cells[Cell(**{**cell, **tuples})] = None
    return list(cells)


def gains(loaded: Loaded, store: Store | Path | str | None = None) -> pd.DataFrame:
    """The gain of every setting over the baseline, with intervals; see `analysis.stats`."""
    from xstilts.analysis.stats import gain_table

    place = open_store(store)
    cells = compile_experiment(loaded).cells
    return gain_table(outcomes(cells, place), results_frame(cells, place), expected(cells))


def report(
    loaded: Loaded,
    path: Path | str | None = None,
    store: Store | Path | str | None = None,
    *,
    form: str = "html",
) -> Path:
    """Write an experiment's report as html, or its gain table as md, latex, csv or parquet.

    Raises:
        ConfigError: an unknown form.
    """
    from xstilts.reports.build import write_report
    from xstilts.reports.page import Facts

    place = open_store(store)
    outlook = plan(loaded, place)
    facts = Facts(
        loaded.experiment,
        outlook.compiled,
        outlook.standings,
        place,
        results(loaded, place),
        gains(loaded, place),
    )
    return write_report(facts, form, Path(path) if path else None)


@dataclass(frozen=True)
class ExperimentStatus:
    """How far an experiment that was run in a store is."""

    name: str
    stages: int
    states: dict[State, int]


def experiments(store: Store) -> list[ExperimentStatus]:
    """Every experiment that was run in a store, by name."""
    found = []
    for path in _records(store):
        stages = tuple(Stage.from_json(stage) for stage in read_json(path)["stages"])
        states = Counter(standing.state for standing in Plan(stages).standings(store).values())
        found.append(ExperimentStatus(path.stem, len(stages), dict(states)))
    return found


def check_room(outlook: Outlook, store: Store) -> None:
    """Refuse to start what the disk cannot hold.

    Raises:
        StoreError: less is free than the plan is expected to write.
    """
    if outlook.bytes > outlook.free_bytes:
        raise StoreError(
            f"the plan writes about {outlook.bytes / 1e9:.1f} GB, and the disk of {store.root} "
            f"has {outlook.free_bytes / 1e9:.1f} GB free",
            todo="free some space, or give another folder with --store",
        )


def default_workers() -> int:
    """One process for each processor that this process may use, at most four."""
    usable = getattr(os, "sched_getaffinity", None)
    return min(4, len(usable(0)) if usable else os.cpu_count() or 1)


def _records(store: Store, name: str = "*") -> list[Path]:
    """What was run in a store: a file for each experiment as it was, the newest last."""
    found = (store.root / "experiments").glob(f"{name}@*.json")
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _compiled(loaded: Loaded, store: Store) -> Compiled:
    """The compiled experiment, with its last run's stages to tell what has changed."""
    compiled = compile_experiment(loaded)
    known: dict[str, Any] = {}
    for path in _records(store, loaded.experiment.name):
        known |= {stage["label"]: stage for stage in read_json(path)["stages"]}
    return replace(compiled, plan=Plan(compiled.plan.stages, known))


def _remember(loaded: Loaded, compiled: Compiled, store: Store) -> None:
    """Write down what was run, so that results and the next plan can refer to it."""
    experiment = loaded.experiment.model_dump(mode="json")
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
