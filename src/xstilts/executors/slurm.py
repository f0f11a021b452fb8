"""The Slurm executor: an array job whose tasks take stages of the plan until none is left.

The jobs run `executors.drain`; the store on a shared folder is their only queue. The driver submits
the array, or finds the one that it submitted before, and reports from the store's journal what
happens. When the driver is stopped, the jobs go on.
"""

from __future__ import annotations

import logging
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.store import Store
from xstilts.executors.base import (
    ExecutorOptions,
    RunResult,
    refuse_cluster_options,
    refuse_device_groups,
)
from xstilts.executors.drain import write_plan
from xstilts.executors.events import Event, Listener

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
NOTICE_SECONDS = 60
"""How long before its time limit a job is told to save checkpoints and to requeue itself."""


class SlurmExecutor:
    """Runs stages in `options.workers` tasks of an array job (one by default).

    Partition, GPUs per task and time limit are `options.batch`; sbatch reads whatever else from
    its own variables, such as SBATCH_ACCOUNT.

    Raises:
        ConfigError: there is no sbatch on this machine.
    """

    def __init__(self, store: Store, options: ExecutorOptions) -> None:
        refuse_cluster_options("slurm", address=options.address)
        refuse_device_groups("slurm", options)
        if not shutil.which("sbatch"):
            raise ConfigError(
                "this machine has no sbatch",
                where="--executor slurm",
                todo="run the command on a login node of the cluster",
            )
        self.store, self.options = store, options

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Submit the array unless it is in the queue, and report until its last task has ended.

        Raises:
            ConfigError: Slurm refuses the job, such as for a partition that does not exist.
        """
        before = plan.statuses(self.store)
        watch = _Watch(self.store, plan, on_event, self.store.journal.size)
        if any(status.state is StageState.TODO for status in before.values()):
            path = write_plan(self.store, plan)
            job = self._queued_job(path) or self._submit(path)
            while _is_queued(job):
                watch.report_news()
                time.sleep(POLL_SECONDS)
        return watch.result(before, self.store.root / "slurm")

    def _queued_job(self, plan: Path) -> str:
        """The array job that was submitted for a plan, if it has not ended."""
        try:
            job = str(read_json(plan.with_suffix(".job"))["job"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        if not _is_queued(job):
            return ""
        logger.warning("job %s of an earlier command is in the queue: waiting for it", job)
        return job

    def _submit(self, plan: Path) -> str:
        (self.store.root / "slurm").mkdir(exist_ok=True)
        script = batch_script(self.store.root, plan, self.options)
        command = ["sbatch", "--parsable"]
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigError(
                f"Slurm refuses the job: {done.stderr.strip()}",
                where="--executor slurm",
                todo="check --partition, --gpus and --time; `sinfo` lists partitions",
            )
        job = done.stdout.strip().partition(";")[0]
        write_json(plan.with_suffix(".job"), {"job": job})
        logger.warning("submitted job %s; it goes on without this command, `scancel %s`", job, job)
        return job


def batch_script(root: Path, plan: Path, options: ExecutorOptions) -> str:
    """The script of an array job that drains a plan."""
    batch = options.batch
    settings = {
        "job-name": "xstilts",
        "array": f"1-{options.workers or 1}",
        "output": str(root / "slurm" / "%A_%a.log"),
        "open-mode": "append",
        "signal": f"B:USR1@{NOTICE_SECONDS}",
        "partition": batch.partition,
        "gpus-per-task": str(batch.gpus or ""),
        "ntasks": "1",
        "time": batch.time,
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in settings.items() if value]
    command = [sys.executable, "-m", "xstilts.executors.drain", str(root), str(plan)]
    return "\n".join(["#!/bin/sh", *lines, "#SBATCH --requeue", f"exec {shlex.join(command)}", ""])


def _is_queued(job: str) -> bool:
    """Whether a task of an array job waits or runs."""
    command = ["squeue", "--noheader", "--jobs", job, "--format", "%T"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not re.search("Invalid job id", done.stderr):
        return True  # the controller does not answer: ask again
    return bool(done.stdout.strip())


@dataclass
class _Watch:
    """Reports what the journal says of a plan's stages.

    Args:
        position: of the first new byte in the journal.
        failed: key → problem of its last attempt.
        done: keys of stages that were reported as done; other jobs find them done as well.
    """

    store: Store
    plan: Plan
    on_event: Listener
    position: int
    failed: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def report_news(self) -> None:
        """Report events that were written since the last call."""
        records, self.position = self.store.journal.read_from(self.position)
        for record in records:
            stage = self.plan.by_key.get(str(record.get("key")))
            if stage is None:
                continue
            if record["event"] == "started":
                self.on_event(Event("started", stage))
            elif record["event"] == "failed":
                self.failed[stage.key] = str(record.get("problem"))
                self.on_event(Event("failed", stage, {"problem": self.failed[stage.key]}))
            elif record["event"] == "done" and stage.key not in self.done:
                self.done.add(stage.key)
                self.failed.pop(stage.key, None)
                facts = self.store.artifact(stage.key).facts
                self.on_event(Event("done", stage, {**facts, "seconds": record.get("seconds", 0)}))

    def result(self, before: Mapping[str, StageStatus], logs: Path) -> RunResult:
        """How the run has ended: what is done, what failed, and what was not run."""
        self.report_news()
        result = RunResult(failed=dict(self.failed), exit_code=3 if self.failed else 0)
        for key, status in self.plan.statuses(self.store).items():
            if status.state is StageState.DONE:
                if before[key].state is not StageState.DONE:
                    result.done.append(key)
            elif key not in result.failed:
                why = status.why if status.state is StageState.BLOCKED else "its job has ended"
                result.skipped[key] = why
                self.on_event(Event("skipped", self.plan.by_key[key], {"why": why}))
                if status.state is not StageState.BLOCKED:
                    result.exit_code = 3
        if result.exit_code:
            logger.warning("logs of the jobs are in %s", logs)
        return result
