"""`xstilts report` and `run` with nothing to do, on a store with an artifact for every stage.

    python -m bench.report_speed STORE --make
    python -m bench.report_speed STORE --old PATH/TO/OTHER/src --rounds 3

The store is fabricated, nothing is trained: scores are random. Both versions of the package run
the same commands in alternation; what is printed are seconds of processor and their ratio.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

EXPERIMENT = "phang-2020"
TARGETS = "targets=[xnli, paws-x, udpos, pan-x, xquad, mlqa, tydiqa, tatoeba]"
"""All but BUCC, whose settings are selected by mined pairs, which are not fabricated."""
COMMANDS = ("report", "run")
EXAMPLES, LOSSES = 20, 500


def make(root: Path) -> int:
    """Publish an artifact for every stage of the experiment; returns how many."""
    import xstilts
    from xstilts.core import atomic_io
    from xstilts.core import store as store_module
    from xstilts.core.store import Store

    atomic_io.fsync = store_module.fsync = lambda _: None  # nothing here is worth the wait
    stages = xstilts.plan(loaded(root), root).compiled.plan.stages
    store = Store(root).prepare()
    for stage in stages:
        if not store.has(stage.key):
            with store.staging(stage.key) as folder:
                facts = write(folder, stage.kind, stage.params, random.Random(stage.key))
                store.publish(stage, folder, facts, provenance())
    return len(stages)


def loaded(root: Path) -> Any:
    """The experiment with an empty data folder; keys depend on it."""
    import xstilts

    data = root.with_name(root.name + "-data")
    data.mkdir(parents=True, exist_ok=True)
    return xstilts.load(EXPERIMENT, [TARGETS], data=data)


def provenance() -> dict[str, Any]:
    """Of a stage that took a second."""
    return {"seconds": 1.0, "versions": {"python": "3"}, "machine": "none", "notes": []}


def write(
    folder: Path, kind: str, params: Mapping[str, Any], draw: random.Random
) -> dict[str, Any]:
    """The files that reports read; returns the stage's facts."""
    from xstilts.core.atomic_io import write_json
    from xstilts.stages.io.rows import write_rows

    if kind == "train":
        dev = [{"step": LOSSES, "scores": {task: draw.random() for task in params["tasks"]}}]
        losses = [1 + draw.random() for _ in range(LOSSES)]
        write_json(folder / "log.json", {"losses": losses, "dev": dev, "events": []})
        return {"dev": dev[0]["scores"], "dev_mean": draw.random(), "collapsed": [], "events": []}
    if kind != "score":
        (folder / "empty").write_bytes(b"")
        return {}
    rows, scores = [], {}
    for metric in params["metrics"]:
        width = columns(metric)
        for number in range(EXAMPLES):
            statistics = [float(draw.random() < 0.5), *[1.0] * (width - 1)]
            rows.append({"metric": metric, "id": str(number), "statistics": statistics})
        scores[metric] = {"value": draw.random(), "n": EXAMPLES}
    write_rows(folder / "statistics.parquet", rows)
    return {"scores": scores}


@cache
def columns(metric: str) -> int:
    """The fewest columns that a metric's value can be computed from."""
    import numpy as np

    from xstilts.metrics import METRICS

    for width in range(1, 20):
        with suppress(IndexError):
            METRICS.get(metric).value(np.ones(width))
            return width
    raise ValueError(metric)


def seconds(source: Path, command: str, store: Path) -> float:
    """Processor seconds of one command with the package in a folder."""
    data = store.with_name(store.name + "-data")
    words = [command, EXPERIMENT, "--store", str(store), "--data", str(data)]
    words += ["--set", TARGETS]
    words += ["--out", str(store / "report.html")] if command == "report" else []
    child = subprocess.Popen(
        [sys.executable, "-m", "xstilts", *words],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    assert status == 0, words
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the store, or compare two versions of the package on it."""
    parser = argparse.ArgumentParser(prog="python -m bench.report_speed")
    parser.add_argument("store", type=Path)
    parser.add_argument("--make", action="store_true", help="fabricate the store")
    parser.add_argument("--old", type=Path, help="the source folder to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    store = given.store.absolute()
    if given.make:
        started = time.monotonic()
        print(f"{make(store)} artifacts in {time.monotonic() - started:.0f} s")
        return
    new = Path(__file__).parents[1] / "src"
    for command in COMMANDS:
        pairs = [
            (seconds(given.old or new, command, store), seconds(new, command, store))
            for _ in range(given.rounds)
        ]
        old, now = (median(column) for column in zip(*pairs, strict=True))
        print(f"{command}: {old:.1f} s before, {now:.1f} s now, ratio {now / old:.2f}")


if __name__ == "__main__":
    main()
