"""The Slurm executor: an array job whose tasks take stages of the plan until none is left.

The jobs run `executors.drain`; the store on a shared folder is their only queue. The driver submits
the array, or finds the one that it submitted before, and reports from the store's journal what
happens. When the driver is stopped, the jobs continue.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.devices import PER_STAGE
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import (
    ExecutorOptions,
    RunResult,
    refuse_cluster_options,
)
from xstilts.executors.drain import write_plan
from xstilts.executors.events import Event, Listener
from xstilts.executors.slurm_queue import Queue
from xstilts.executors.submission import OPTION, Submission
from xstilts.executors.task_ends import TaskEnds

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
PROGRAMS = ("sbatch", "scontrol", "scancel")
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
        for program in PROGRAMS:
            if not shutil.which(program):
                raise ConfigError(
                    f"this machine has no {program}",
                    where=OPTION,
                    todo="run the command on a login node of the cluster",
                )
        _check_gpus(options)
        self.store, self.options = store, options

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Submit the array unless it is in the queue, and report until its last task has ended.

        Raises:
            ConfigError: Slurm refuses the job, such as for a partition that does not exist, or
                will never start it; other versions are on its nodes.
            StoreError: its nodes do not see the store.
        """
        before = plan.statuses(self.store)
        watch = _Watch(self.store, plan, on_event, self.store.journal.size)
        if any(status.state is StageState.TODO for status in before.values()):
            self._finish(plan, watch)
        return watch.result(before, self.store.root / "slurm")

    def _finish(self, plan: Plan, watch: _Watch) -> None:
        """Wait until all tasks of the plan's array have ended, and report what happens."""
        path = write_plan(self.store, plan)
        queued = self._queued(path)
        job, submission = queued or self._submit(path, plan)
        ends = TaskEnds(submission, self.store.root)
        queue = Queue(job)
        watch.report_recorded(submission.failures().problems())
        while not self._has_ended(queue, ends):
            watch.report_news()
            time.sleep(POLL_SECONDS)
        watch.report_news()
        watch.report_recorded(submission.failures().problems())
        watch.why_ended = ends.why
        ends.raise_if_none_ran(bool(watch.started or queued))

    def _has_ended(self, queue: Queue, ends: TaskEnds) -> bool:
        """Whether all tasks have ended; report why some wait, and how some ended."""
        tasks = queue.tasks()
        if tasks is None:
            return False
        queue.report_waiting(tasks, ends.submission.failures().broken_nodes())
        ends.report(tasks)
        return all(task.has_ended for task in tasks)

    def _queued(self, plan: Path) -> tuple[str, Submission] | None:
        """The array job that was submitted for a plan, if it has not ended.

        Slurm uses numbers of jobs again; the comment tells whose it is.
        """
        try:
            known = read_json(plan.with_suffix(".job"))
            job, name = str(known["job"]), str(known["submission"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        tasks = Queue(job).tasks()
        own = None if tasks is None else [task for task in tasks if task.comment == name]
        if own is not None and all(task.has_ended for task in own):
            return None
        logger.warning("job %s of an earlier command is in the queue: waiting for it", job)
        return job, Submission(self.store.root, name)

    def _submit(self, path: Path, plan: Plan) -> tuple[str, Submission]:
        submission = Submission.create(self.store.root, self.options, plan.by_key)
        script = batch_script(submission, path, self.options)
        command = ["sbatch", "--parsable"]
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigError(
                f"Slurm refuses the job: {done.stderr.strip()}",
                where=OPTION,
                todo="check --partition, --gpus and --time; `sinfo` lists partitions and nodes",
            )
        job = done.stdout.strip().partition(";")[0]
        write_json(path.with_suffix(".job"), {"job": job, "submission": submission.name})
        logger.warning("submitted job %s, which runs on its own; `scancel %s` stops it", job, job)
        return job, submission


def _check_gpus(options: ExecutorOptions) -> None:
    """Check that the GPUs of a job are those of its one worker, or of several.

    Raises:
        ConfigError: they cannot be divided into groups.
    """
    gpus, per_stage = options.batch.gpus, options.devices_per_stage
    if gpus and gpus % per_stage:
        raise ConfigError(
            f"{gpus} GPUs of a job cannot be divided into groups of {per_stage}",
            where=PER_STAGE,
            todo=f"give --gpus {per_stage}, or a multiple of it",
        )


def batch_script(submission: Submission, plan: Path, options: ExecutorOptions) -> str:
    """The script of an array job that drains a plan."""
    batch, root = options.batch, submission.root
    on_cpu = options.devices_per_stage if not batch.gpus else 1
    settings = {
        "job-name": "xstilts",
        "comment": submission.name,
        "array": f"1-{options.workers or 1}",
        "output": str(root / "slurm" / "%A_%a.log"),
        "open-mode": "append",
        "signal": f"B:USR1@{NOTICE_SECONDS}",
        "partition": batch.partition,
        "gpus-per-task": str(batch.gpus or ""),
        "ntasks": "1",
        "cpus-per-task": str(on_cpu) if on_cpu > 1 else "",
        "time": batch.time,
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in settings.items() if value]
    command = [sys.executable, "-m", "xstilts.executors.drain"]
    command += [str(root), str(plan), submission.name]
    return "\n".join(["#!/bin/sh", *lines, "#SBATCH --requeue", f"exec {shlex.join(command)}", ""])


@dataclass
class _Watch:
    """Reports what the journal says of a plan's stages.

    Args:
        position: of the first new byte in the journal.
        failed: key → problem of its last attempt.
        done: keys of stages that were reported as done; other jobs find them done as well.
        started: keys of stages that were started.
        why_ended: why the jobs run nothing that is left.
    """

    store: Store
    plan: Plan
    on_event: Listener
    position: int
    failed: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    why_ended: str = "its job has ended"

    def report_recorded(self, problems: Mapping[str, str]) -> None:
        """Report failures that happened before this command, or whose line in the journal is lost.

        Args:
            problems: of the submission's stages, by their keys.
        """
        for stage in self.plan.stages:
            if stage.key in problems and not self.store.has(stage.key):
                self._report_failed(stage, problems[stage.key])

    def report_news(self) -> None:
        """Report events that were written since the last call."""
        records, self.position = self.store.journal.read_from(self.position)
        for record in records:
            stage = self.plan.by_key.get(str(record.get("key")))
            if stage is None:
                continue
            if record["event"] == "started":
                self.started.add(stage.key)
                self.on_event(Event("started", stage))
            elif record["event"] == "failed":
                self._report_failed(stage, str(record.get("problem")))
            elif record["event"] == "done" and stage.key not in self.done:
                self.done.add(stage.key)
                self.failed.pop(stage.key, None)
                facts = self.store.artifact(stage.key).facts
                self.on_event(Event("done", stage, {**facts, "seconds": record.get("seconds", 0)}))

    def _report_failed(self, stage: Stage, problem: str) -> None:
        """Report the failure of a stage once: each task of the job writes it into the journal."""
        if stage.key not in self.failed:
            self.failed[stage.key] = problem
            self.on_event(Event("failed", stage, {"problem": problem}))

    def result(self, before: Mapping[str, StageStatus], logs: Path) -> RunResult:
        """How the run has ended: what is done, what failed, and what was not run."""
        self.report_news()
        unreadable: dict[str, StoreError] = {}
        statuses = self.plan.statuses(self.store, unreadable)
        for key, error in unreadable.items():
            self._report_failed(self.plan.by_key[key], str(error))
        failed = {
            key: problem
            for key, problem in self.failed.items()
            if statuses[key].state is not StageState.DONE  # by a task on another node
        }
        code = StoreError.exit_code if unreadable else 3
        result = RunResult(failed=failed, exit_code=code if failed else 0)
        causes = {key: f"{self.plan.by_key[key].label} failed" for key in failed}
        for key, status in statuses.items():
            if status.state is StageState.DONE:
                if before[key].state is not StageState.DONE:
                    result.done.append(key)
            elif key not in failed:
                stage = self.plan.by_key[key]
                why = result.skipped[key] = self._why_skipped(stage, status, causes)
                self.on_event(Event("skipped", stage, {"why": why}))
                if status.state is not StageState.BLOCKED:
                    result.exit_code = max(result.exit_code, 3)
        if result.exit_code:
            logger.warning("logs of the jobs are in %s", logs)
        return result

    def _why_skipped(self, stage: Stage, status: StageStatus, causes: dict[str, str]) -> str:
        """Why a stage was not run.

        Args:
            causes: key → which stage failed, of the stages so far that failed or needed it; this
                one is added.
        """
        if status.state is StageState.BLOCKED:
            return status.why
        for used in stage.inputs.values():
            if used in causes:
                causes[stage.key] = causes[used]
                return causes[used]
        return self.why_ended
