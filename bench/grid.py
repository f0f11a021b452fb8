"""A grid of 6 settings × 4 targets × 2 seeds against the same 48 runs one by one, without sharing.

Toy tasks and a toy encoder, one worker. Some runs are made alone, each in its own store, half
of them before the grid and half after it. The others are estimated from the seconds of their stages
in the grid, scaled by the ratio of measured to estimated time of the runs made alone. Loading torch
counts in the first stage of a worker. A warm-up run is not counted. `--size`: runs made alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import xstilts
from bench.cli import Options, program
from bench.timing import Row
from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.executors.events import Event
from xstilts.planning.compile import compile_experiment
from xstilts.testing.tiny import write_encoder, write_experiment

SETTINGS = (
    *("none", "toy-same+toy-tags", "toy-same+toy-kind", "toy-tags+toy-kind"),
    *("toy-same>toy-tags", "toy-same>toy-kind"),
)
TARGETS = ("toy-kind", "toy-tags", "toy-same", "toy-search")
SEEDS = (0, 1)
Cell = tuple[str, str, int]


@dataclass(frozen=True)
class Done:
    """A run that is over.

    Args:
        wall: seconds from the call to its return; start: of these, until the first stage began.
        seconds: stage key → seconds that the stage's function took.
    """

    wall: float
    start: float
    seconds: dict[str, float]
    facts: dict[str, Any]

    @property
    def work(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


def loaded(path: Path, options: Options, cells: Iterable[Cell]) -> LoadedExperiment:
    """The experiment over the settings, targets and seeds of some cells."""
    names = [list(dict.fromkeys(map(str, column))) for column in zip(*cells, strict=True)]
    settings, targets, seeds = (f"[{', '.join(column)}]" for column in names)
    epochs = 1 if options.tiny else 4
    recipes = [f"recipes.{phase}.epochs={epochs}" for phase in ("intermediate", "target")]
    given = [f"intermediate={settings}", f"targets={targets}", f"seeds={seeds}", *recipes]
    return xstilts.load(str(path), given)


def done(experiment: LoadedExperiment, folder: Path) -> Done:
    """Run an experiment in a fresh store, with one worker.

    Raises:
        RuntimeError: a stage failed.
    """
    store, first = Store(folder), list[float]()

    def listen(event: Event) -> None:
        if event.kind == "started" and not first:
            first.append(time.perf_counter())

    started = time.perf_counter()
    outcome = xstilts.run(experiment, store, workers=1, on_event=listen)
    wall = time.perf_counter() - started
    if outcome.failed or outcome.skipped:
        raise RuntimeError(f"stages failed: {list(outcome.failed.values())[:2]}")
    artifacts = {key: store.artifact(key) for key in outcome.done}
    seconds = {key: one.manifest["provenance"]["seconds"] for key, one in artifacts.items()}
    facts = {key: one.facts for key, one in artifacts.items()}
    return Done(wall, first[0] - started, seconds, facts)


def chosen(count: int) -> list[Cell]:
    """Some of the cells, every setting, target and seed as often as can be."""
    every = [
        (setting, TARGETS[(number + turn) % len(TARGETS)], SEEDS[(number // 2 + turn) % 2])
        for turn, (number, setting) in product(range(len(TARGETS)), enumerate(SETTINGS))
    ]
    return every[:count]


def measure(options: Options) -> list[Row]:
    """Three rows: measured and estimated share of work, and overhead."""
    cells = list(product(SETTINGS, TARGETS, SEEDS))
    alone = chosen(options.size or (1 if options.tiny else 8))
    if options.tiny:
        cells = list(product(SETTINGS[:2], TARGETS, SEEDS))
    shares, overheads, estimated, starts = [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        path = write_experiment(Path(name))
        if not options.tiny:
            write_encoder(Path(name) / "encoder", layers=4, width=128)
        done(loaded(path, options, alone[:1]), Path(name) / "warm-up")
        plans = {cell: compile_experiment(loaded(path, options, [cell])).plan for cell in cells}
        for number in range(options.rounds):
            half, runs = len(alone) // 2, dict[Cell, Done]()
            for cell in alone[:half]:
                runs[cell] = done(loaded(path, options, [cell]), folder(name, number, cell))
            grid = done(loaded(path, options, cells), folder(name, number))
            for cell in alone[half:]:
                runs[cell] = done(loaded(path, options, [cell]), folder(name, number, cell))
            check(grid, runs.values())
            every = sum(_work(plan, grid) for plan in plans.values())
            factor = sum(run.wall for run in runs.values()) / sum(
                _work(plans[cell], grid) for cell in runs
            )
            shares.append(grid.wall / (factor * every))
            estimated.append(grid.work / every)
            overheads.append(grid.wall / grid.work - 1)
            starts.append(grid.start)
    stages = sum(len(plan.stages) for plan in plans.values())
    title = f"a grid of 6 × 4 with {len(SEEDS)} seeds, toy tasks and encoder"
    rival = f"the same runs one by one, {len(alone)} of {len(cells)} made and the others estimated"
    notes = {
        "stages": f"{len(grid.seconds)} instead of {stages}",
        "share of unique work, estimated from the stages' seconds": [
            round(x, 3) for x in estimated
        ],
        "runs made alone": len(alone),
        "seconds of the grid": round(grid.wall, 1),
    }
    late = {"seconds before the first stage": [round(start, 2) for start in starts]}
    return [
        Row(title, rival, shares, median(estimated) * 1.03, median(estimated) * 1.01, share=True,
            small_is_good=True, notes=notes),
        Row("its time outside of stages", "the sum of its stages' seconds", overheads, 0.03, 0.01,
            share=True, small_is_good=True, notes=late),
    ]  # fmt: skip


def folder(root: str, number: int, cell: Cell | None = None) -> Path:
    """The store of a round's grid, or of one run."""
    name = "-".join(map(str, cell)).replace(">", "-") if cell else "grid"
    return Path(root) / f"{number}-{name}"


def _work(plan: Plan, grid: Done) -> float:
    return sum(grid.seconds[stage.key] for stage in plan.stages)


def check(grid: Done, runs: Iterable[Done]) -> None:
    """Check that runs alone have stages and results of the grid.

    Raises:
        AssertionError: a stage or a result differs.
    """
    for run in runs:
        for key, facts in run.facts.items():
            assert grid.facts[key] == facts, f"other facts: {facts} and {grid.facts[key]}"


if __name__ == "__main__":
    program("grid", measure, rounds=1, size="runs made alone")
