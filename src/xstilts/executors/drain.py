"""Runs what is missing of a plan in a store, together with other processes that do the same.

Started as `python -m xstilts.executors.drain STORE PLAN [SUBMISSION]` by a batch system.
Stages that another process holds are waited for; the leases of the store are the only queue, and
the processes of a submission share their failures. At SIGUSR1 and SIGTERM trainings save
checkpoints; under Slurm, SIGUSR1 announces the time limit, and the job puts itself back into the
queue.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import FrameType

from xstilts.core.atomic_io import read_json, write_text
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.hashing import digest_of, with_digest, without_digest
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.stopping import STOPPED
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import Event
from xstilts.executors.failures import MAX_DEVICE_FAILURES
from xstilts.executors.local import LocalExecutor
from xstilts.executors.slurm_queue import Queue
from xstilts.executors.submission import NO_STORE, Submission
from xstilts.executors.task_ends import FAILED_STAGES

BROKEN = (
    f"{MAX_DEVICE_FAILURES} stages have failed by errors of the GPUs of {{node}}: the job starts "
    "no further stage there\n"
    "  → have the node drained and repaired"
)
SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


class _Stop(BaseException):
    """A signal that asks to stop."""


def plan_path(store: Store, plan: Plan) -> Path:
    """The file of a plan in a store."""
    return store.root / "plans" / name_of(plan)


def name_of(plan: Plan) -> str:
    """The name of a plan's file: a digest of its stages."""
    return f"{digest_of(sorted(plan.by_key))[:16]}.json"


def write_plan(store: Store, plan: Plan) -> Path:
    """Write a plan to its file in the store."""
    path = plan_path(store, plan)
    stages = [stage.to_json() for stage in plan.stages]
    text = json.dumps(with_digest({"stages": stages, "droppable": sorted(plan.droppable)}))
    write_text(path, text)  # keys in their order: that of metrics decides the bytes of scores
    return path


def read_plan(path: Path) -> Plan:
    """The plan in a file that `write_plan` wrote.

    Raises:
        StoreError: it cannot be read, or is not what was written.
    """
    try:
        written = without_digest(read_json(path))
        stages = Plan.of(map(Stage.from_json, written["stages"])).stages
        plan = Plan(stages, droppable=frozenset(written["droppable"]))
        if name_of(plan) != path.name:
            raise ValueError("it is another plan's")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"{path} cannot be read: {error}",
            todo="submit the run again: the file is then written again",
        ) from error
    return plan


def drain(store: Store, plan: Plan, submission: Submission | None = None) -> int:
    """Run what is missing of a plan, for a submission or alone; return the run's exit code."""
    if submission is None:
        return LocalExecutor(store, ExecutorOptions()).run(plan, _print).exit_code
    options, shared = submission.job_options(), submission.failures()
    code = FAILED_STAGES
    if shared.host not in shared.broken_nodes():
        code = LocalExecutor(store, options, shared=shared).run(plan, _print).exit_code
    if code and shared.host in (broken := shared.broken_nodes()):
        submission.report(BROKEN.format(node=shared.host))
        _exclude(broken)
    return code


def main(root: str, file: str, name: str = "") -> int:
    """Run a plan's file; return the exit code.

    Args:
        name: of the submission, if a driver waits for this process.
    """
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        raise _Stop

    for number in SIGNALS:
        signal.signal(number, stop)
    submission = Submission(Path(root), name) if name else None
    try:
        if submission:
            submission.job_options()
            submission.report()
        return drain(Store(root).prepare(), read_plan(Path(file)), submission)
    except StoreError as error:
        print(error, flush=True)
        return NO_STORE if submission and not submission.folder.exists() else error.exit_code
    except ConfigError as error:
        print(error, flush=True)
        if submission:
            submission.report(str(error))
        return error.exit_code
    except _Stop:
        for number in SIGNALS:  # requeueing sends SIGTERM
            signal.signal(number, signal.SIG_IGN)
        if signal.SIGUSR1 in received:
            _requeue()
        return STOPPED


def _exclude(nodes: Collection[str]) -> None:
    """Let the tasks of this Slurm array that still wait start on other nodes.

    The update replaces what the user has excluded, so that it contains that too. Without an answer
    to what that is, nothing changes: a task that starts on one of the nodes ends at once.
    """
    if job := os.environ.get("SLURM_ARRAY_JOB_ID"):
        with suppress(OSError):
            if (tasks := Queue(job).tasks()) is None:
                return
            known = (node for task in tasks if not task.has_ended for node in task.excluded)
            listed = ",".join(dict.fromkeys([*known, *sorted(nodes)]))
            subprocess.run(
                ["scontrol", "update", f"JobId={job}", f"ExcNodeList={listed}"], check=False
            )


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
    sys.exit(main(*sys.argv[1:]))
