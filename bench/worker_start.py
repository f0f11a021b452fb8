"""From the start of a worker to the first step of its first training.

The rival is a process that imports torch and transformers itself. A forked worker waits for the
same imports, in one process, if it is the first of a run. All that the training reads is done.
A process that only imports them shows what any first worker needs at least.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import xstilts
from bench.cli import Options, program
from bench.timing import Contestant, Measurement, Row, alternate, timed
from xstilts.core.devices import Device
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.forked_workers import MODULES, close_server
from xstilts.executors.pool import WorkerPool
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment
from xstilts.testing.tiny import write_experiment

RIVAL = "a worker that imports for itself"
FIRST, FURTHER = "the first forked worker of a run", "a further forked worker"
IMPORTS = "the imports alone"
ENCODER = "e5-small-packaged"
TARGETS = 2.5, 1.5
"""Seconds: at most and aim."""
PARTS = ["seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]


def measure(options: Options) -> list[Row]:
    """Two rows for each kind of forked worker: times as fast as the rival, and seconds."""
    folder = Path(tempfile.mkdtemp())
    try:
        store, training = _prepared(folder, options)
        sides = {name: _side(store, training, name) for name in (RIVAL, FIRST, FURTHER)}
        sides[IMPORTS] = lambda _: timed(_import)
        turns = alternate(sides, options.rounds)
    finally:
        close_server()
        shutil.rmtree(folder)
    rows = []
    for name in (FIRST, FURTHER):
        pairs = zip(turns[RIVAL], turns[name], strict=True)
        seconds = {"seconds": turns[name], "rival's seconds": turns[RIVAL]}
        if name == FIRST:
            seconds[f"seconds of {IMPORTS}"] = turns[IMPORTS]
        notes = {
            text: round(median(turn.seconds for turn in side), 2) for text, side in seconds.items()
        }
        values = [rival.seconds / own.seconds for rival, own in pairs]
        label = f"start to first step, {name}"
        own = [turn.seconds for turn in turns[name]]
        rows.append(Row(label, RIVAL, values, notes=notes))
        rows.append(Row(label, "", own, *TARGETS, small_is_good=True, seconds=True))
    return rows


def _prepared(folder: Path, options: Options) -> tuple[Store, Stage]:
    """A store with all that a training reads, and the training."""
    encoder = [] if options.tiny else [f"encoder={ENCODER}"]
    loaded = xstilts.load(str(write_experiment(folder)), [*PARTS, *encoder])
    store = Store(folder / "store").prepare()
    for stage in compile_experiment(loaded).plan.stages:
        if stage.kind == "train":
            return store, stage
        execute_stage(store, stage, lambda _: None)
    raise RuntimeError("the experiment has no training")


def _side(store: Store, training: Stage, name: str) -> Contestant:
    def turn(_: int) -> Measurement:
        if name == FIRST:
            close_server()
        pool = WorkerPool(store.root, [Device("")], 1, forked=name != RIVAL)
        started = time.perf_counter()
        worker = pool.start()
        worker.send(training.to_json())
        while not _has_step(worker.read()):
            pass
        seconds = time.perf_counter() - started
        pool.close()
        store.cleanup()
        return Measurement(seconds)

    return turn


def _import() -> None:
    """Import what workers need, in a process of its own."""
    imports = "; ".join(f"import {module}" for module in MODULES)
    subprocess.run([sys.executable, "-c", f"import gc; gc.disable(); {imports}"], check=True)


def _has_step(messages: list[dict[str, object]] | None) -> bool:
    """Whether a message reports a step.

    Raises:
        RuntimeError: the worker has ended, or the training has failed.
    """
    if messages is None or any(message["event"] in ("failed", "done") for message in messages):
        raise RuntimeError(f"the training has no first step: {messages}")
    return any(message["event"] == "progress" for message in messages)


if __name__ == "__main__":
    program("worker_start", measure, rounds=3)
