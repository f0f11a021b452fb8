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
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

EXPERIMENT = "phang-2020"
TARGETS = "targets=[xnli, paws-x, udpos, pan-x, xquad, mlqa, tydiqa, tatoeba]"
"""All but BUCC, whose settings are selected by mined pairs, which are not fabricated."""
COMMANDS = ("report", "run")
EXAMPLES, LOSSES = 20, 500
IDS = tuple(map(str, range(EXAMPLES)))
TEXT = "text"


def make(root: Path) -> int:
    """Publish an artifact for every stage of the experiment; returns how many."""
    import xstilts
    from xstilts.core import atomic_io
    from xstilts.core import store as store_module
    from xstilts.core.store import Store

    stages = xstilts.plan(loaded(root), root).compiled.plan.stages
    store = Store(root).prepare()
    with ExitStack() as unsynced:  # nothing here is worth the wait
        for module in (atomic_io, store_module):
            unsynced.enter_context(patch.object(module, "fsync"))
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
    from xstilts.stages.io.rows import PREDICTIONS, write_rows
    from xstilts.stages.prepare import ROWS
    from xstilts.tasks import TASKS

    if kind == "train":
        dev = [{"step": LOSSES, "scores": {task: draw.random() for task in params["tasks"]}}]
        losses = [1 + draw.random() for _ in range(LOSSES)]
        write_json(folder / "log.json", {"losses": losses, "dev": dev, "events": []})
        return {"dev": dev[0]["scores"], "dev_mean": draw.random(), "collapsed": [], "events": []}
    if kind == "prepare":
        labels = TASKS.get(params["task"]).labels
        write_rows(folder / ROWS, [prepared(name, labels, draw) for name in IDS])
    elif kind == "predict":
        answers = [answer(params["format"], params["labels"], draw) for _ in IDS]
        write_rows(folder / PREDICTIONS, [{"id": n} | a for n, a in zip(IDS, answers, strict=True)])
    elif kind == "score":
        return write_scores(folder, params, draw)
    else:
        (folder / "empty").write_bytes(b"")
    return {}


def prepared(name: str, labels: Sequence[str], draw: random.Random) -> dict[str, Any]:
    """A row with gold answers of every format."""
    label = draw.choice(labels or ("none",))
    gold = {"label": label, "tags": [label], "answers": [TEXT], "meaning": name}
    return {"id": name, "text": TEXT, "tokens": [TEXT]} | gold


def answer(format_name: str, labels: Sequence[str], draw: random.Random) -> dict[str, Any]:
    """The columns of a prediction."""
    if format_name == "classification":
        return {"prediction": draw.choice(labels), "probability": draw.uniform(0.5, 1)}
    return {"prediction": [draw.choice(labels)] if format_name == "tagging" else TEXT}


def write_scores(folder: Path, params: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
    """Scores and statistics of a score stage; returns its facts."""
    from bench.synthetic_store import example_names, width
    from xstilts.stages.io.rows import write_rows
    from xstilts.stages.score import STATISTICS

    rows, scores = [], {}
    names = example_names(params["format"], EXAMPLES)
    for metric in params["metrics"]:
        for name in names:
            statistics = [float(draw.random() < 0.5), *[1.0] * (width(metric) - 1)]
            rows.append({"metric": metric, "id": name, "statistics": statistics})
        scores[metric] = {"value": draw.random(), "n": len(names)}
    write_rows(folder / STATISTICS, rows)
    return {"scores": scores}


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
