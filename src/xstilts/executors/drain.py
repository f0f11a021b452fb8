"""Runs what is missing of a plan in a store, together with other processes that do the same.

Started as `python -m xstilts.executors.drain STORE PLAN` on the nodes of a batch system. Stages
that another process holds are waited for; the leases of the store are the only queue. At SIGUSR1
and SIGTERM trainings save checkpoints; under Slurm, SIGUSR1 announces the time limit, and the job
puts itself back into the queue.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from xstilts.core.atomic_io import read_json, write_text
from xstilts.core.hashing import digest_of
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor

STOPPED = 75
"""Exit code of a process that was asked to stop: EX_TEMPFAIL, try again."""


class _Stop(BaseException):
    """A signal that asks to stop."""


def plan_path(store: Store, plan: Plan) -> Path:
    """The file of a plan, named by its stages."""
    return store.root / "plans" / f"{digest_of(sorted(plan.by_key))[:16]}.json"


def write_plan(store: Store, plan: Plan) -> Path:
    """Write a plan to its file in the store."""
    path = plan_path(store, plan)
    stages = [stage.to_json() for stage in plan.stages]
    text = json.dumps({"stages": stages, "droppable": sorted(plan.droppable)})
    write_text(path, text)  # keys in their order: that of metrics decides the bytes of scores
    return path


def read_plan(path: Path) -> Plan:
    """The plan in a file that `write_plan` wrote."""
    written = read_json(path)
    stages = Plan.of(map(Stage.from_json, written["stages"])).stages
    return Plan(stages, droppable=frozenset(written["droppable"]))


def drain(store: Store, plan: Plan) -> int:
    """Run what is missing of a plan; return the exit code of the run."""
    return LocalExecutor(store, ExecutorOptions()).run(plan, _print).exit_code


def main(root: str, file: str) -> int:
    """Run a plan's file; return the exit code."""
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        raise _Stop

    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    plan = read_plan(Path(file))
    try:
        return drain(Store(root).prepare(), plan)
    except _Stop:
        if signal.SIGUSR1 in received:
            _requeue()
        return STOPPED


def _requeue() -> None:
    """Put this task of a Slurm array back into the queue; preempted ones Slurm requeues itself."""
    job, task = (os.environ.get(f"SLURM_ARRAY_{part}_ID") for part in ("JOB", "TASK"))
    if job and task:
        with suppress(OSError):
            subprocess.run(["scontrol", "requeue", f"{job}_{task}"], check=False)


def _print(event: Event) -> None:
    """Write an event for the job's log."""
    if event.kind != "progress":
        text = event.facts.get("problem") or event.facts.get("why") or ""
        print(f"{event.kind} {event.stage.label} {text}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
