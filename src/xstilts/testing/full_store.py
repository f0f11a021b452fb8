"""A small store with every kind of file that a store can hold, made in this process in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import xstilts
from xstilts.core.dropped import drop
from xstilts.core.hashing import with_digest
from xstilts.core.leases import this_process
from xstilts.core.pins import Pins
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.stopping import Stopped, request_checkpoint, request_stop, withdraw_requests
from xstilts.core.store import Store
from xstilts.executors.drain import write_plan
from xstilts.executors.worker import execute_stage
from xstilts.models.encoder_files import BODY
from xstilts.planning.compile import compile_experiment
from xstilts.testing.in_process_pool import in_process_executor
from xstilts.testing.tiny_images import write_image_experiment

CHANGES = (
    *("name=small", "seeds=[0]", "limits={train: 16, dev: 8}"),
    *("recipes.intermediate.epochs=1", "recipes.intermediate.num_evals=1"),
    *("recipes.target.epochs=2", "recipes.target.num_evals=1"),
    *("intermediate=[none, toy-same+toy-tags]", "targets=[toy-kind, toy-search, toy-two]"),
)
SEARCH = (
    *("name=searched", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"),
    "search={learning_rate: [1.0e-7, 0.003]}",
)
"""Changes for a second experiment in the same store."""
DROPPED = "train toy-kind (baseline) seed 0"
"""The training whose weights are dropped."""
STUDY = "similarity"
CANDIDATES = ("--target", "toy-kind", "--candidates", "toy-same")


@dataclass(frozen=True)
class FullStore:
    """A store in which one training was interrupted, and the same store finished.

    Args:
        file: of the experiment, which is to be loaded with `CHANGES`.
        interrupted: with two checkpoints of a training and the lease of its ended process.
        finished: as a run completes it.
    """

    file: Path
    interrupted: Path
    finished: Path


def make_full_store(folder: Path) -> FullStore:
    """Make the experiment and both stores in a folder."""
    file = write_image_experiment(folder / "experiment")
    loaded = xstilts.load(str(file), CHANGES)
    finished, interrupted = folder / "finished", folder / "interrupted"
    with in_process_executor():
        outcome = xstilts.run(loaded, finished, workers=1, trackers=["jsonl"])
        assert not outcome.failed, outcome.failed
        searched = xstilts.run(xstilts.load(str(file), SEARCH), finished, workers=1)
        assert not searched.failed, searched.failed
        xstilts.study(STUDY, loaded, finished)
    plan = compile_experiment(loaded).plan
    write_plan(Store(finished), plan)
    Pins(finished).add("small", list(plan.by_key)[:3], "kept by hand")
    targets = [stage for stage in plan.stages if stage.label == DROPPED]
    drop(Store(finished).artifact(targets[0].key), [BODY], "nothing needs it")
    shutil.copytree(finished, interrupted)
    interrupt(Store(interrupted), plan)
    xstilts.gains(loaded, interrupted)
    return FullStore(file, interrupted, finished)


def interrupt(store: Store, plan: Plan) -> None:
    """Let the last training of a plan look as if its process was killed after two checkpoints."""
    training = [stage for stage in plan.stages if stage.kind == "train"][-1]
    for key in _with_dependants(training, plan):
        shutil.rmtree(store.artifact(key).path)

    def after_step(facts: dict[str, Any]) -> None:
        request_checkpoint() if facts["step"] == 1 else request_stop()

    try:
        execute_stage(store, training, after_step)
    except Stopped:
        withdraw_requests()
    ended = asdict(replace(this_process(), process=2**22, started="0"))
    lease = store.leases.folder / training.key / "1"
    lease.parent.mkdir()
    lease.write_text(json.dumps(with_digest(ended)))


def _with_dependants(stage: Stage, plan: Plan) -> set[str]:
    """The keys of a stage and of all that need it."""
    keys = {stage.key}
    for other in plan.stages:
        if keys.intersection(other.inputs.values()):
            keys.add(other.key)
    return keys


def commands(full: FullStore, store: Path, out: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """Name → words of every command that reads a store.

    Args:
        out: folder for the files that they write.
    """
    named = [str(full.file), *(word for change in CHANGES for word in ("--set", change))]
    searched = [str(full.file), *(word for change in SEARCH for word in ("--set", change))]
    opened = ["--store", str(store)]
    yield "plan", ["plan", *named, *opened]
    yield "status", ["status", *opened]
    yield "results", ["results", *named, *opened]
    yield "all results", ["results", *opened]
    yield "trials", ["trials", *searched, *opened]
    yield "claims", ["claims", str(store), "--format", "json"]
    for form in ("csv", "md", "html"):
        target = ["--format", form, "--out", str(out / f"report.{form}")]
        yield f"report {form}", ["report", *named, *opened, *target]
    like = ["--like", str(full.file), "--no-measures", "--format", "json"]
    yield "recommend", ["recommend", *CANDIDATES, *like, *opened]
    yield "study", ["study", STUDY, *named, *opened, "--out", str(out / "study")]
    yield "run", ["run", *named, *opened, "--tracker", "jsonl"]
