"""What Slurm says of an array job: its tasks, why they wait, and how they ended."""

from __future__ import annotations

import logging
import re
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from xstilts.core.errors import ConfigError

logger = logging.getLogger(__name__)
SILENT_SECONDS = 20.0
"""Seconds without an answer of Slurm's controller after which that is reported."""
ENDED = {
    *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"),
    *("PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY"),
}
NEVER = {
    *("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS"),
    *("AccountNotAllowed", "QOSNotAllowed", "AssocMaxWallDurationPerJobLimit"),
    "QOSMaxWallDurationPerJobLimit",
}
"""Reasons for which a job waits that no other job's end removes."""
NO_NODE = "BadConstraints"
"""Also if all nodes are excluded."""
ORDINARY = {"Resources": "for free nodes", "Priority": "for jobs before it"}
QUIET = ("", "None", "BeginTime", "Cleaning")
FIELD = re.compile(r"(\w+)=(\S*)")
NODES = re.compile(r"(?:[^,\[]|\[[^\]]*\])+")


@dataclass(frozen=True)
class Task:
    """A task of an array job.

    Args:
        number: in the array; a range for tasks that wait.
        state: Slurm's word for it, such as PENDING.
        reason: why it waits.
        exit_code: of its script.
        node: that it runs or ran on.
        restarts: how often it was requeued.
        comment: that it was submitted with.
        excluded: nodes that it must not run on, as Slurm lists them, such as `gpu[1-3]`.
    """

    number: str
    state: str
    reason: str = ""
    exit_code: int = 0
    node: str = ""
    restarts: int = 0
    comment: str = ""
    excluded: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether it neither waits nor runs."""
        return self.state in ENDED


@dataclass
class Queue:
    """The tasks of one array job, as Slurm's controller knows them.

    Args:
        job: number of the array job.
    """

    job: str
    _last_answer: float = field(default_factory=time.monotonic)
    _is_silent: bool = False
    _reasons: set[str] = field(default_factory=set)

    def tasks(self) -> list[Task] | None:
        """All tasks that Slurm remembers; None if its controller does not answer."""
        command = ["scontrol", "show", "job", self.job, "--oneliner"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and not re.search("Invalid job id", done.stderr + done.stdout):
            self._report_silence(done.stderr.strip())
            return None
        if self._is_silent:
            logger.warning("Slurm's controller answers again")
        self._last_answer, self._is_silent = time.monotonic(), False
        return [_task(line) for line in done.stdout.splitlines() if "JobState=" in line]

    def report_waiting(self, tasks: list[Task], excluded: Collection[str] = ()) -> None:
        """Report each reason for which tasks wait, once; cancel those that have no node left.

        Args:
            excluded: nodes that the job's tasks have excluded since it was submitted.

        Raises:
            ConfigError: a reason that does not end by itself; the job is then cancelled.
        """
        for task in tasks:
            if task.state != "PENDING" or task.reason in QUIET:
                continue
            text = ORDINARY.get(task.reason, "until that changes; `squeue` and `sinfo` show it")
            if task.reason == NO_NODE and excluded:
                self._cancel("--state=PENDING")
                nodes = ", ".join(sorted(excluded))
                text = f"for other nodes than {nodes}, whose GPUs fail: such tasks are cancelled"
            elif task.reason in NEVER:
                self._cancel()
                raise ConfigError(
                    f"Slurm will never start the job: {task.reason}",
                    where="--executor slurm",
                    todo="check --partition, --gpus and --time; see `scontrol show partition`",
                )
            if task.reason not in self._reasons:
                self._reasons.add(task.reason)
                logger.warning("job %s waits (%s) %s", self.job, task.reason, text)

    def _cancel(self, *which: str) -> None:
        subprocess.run(["scancel", *which, self.job], capture_output=True, check=False)

    def _report_silence(self, problem: str) -> None:
        silent = time.monotonic() - self._last_answer
        if silent > SILENT_SECONDS and not self._is_silent:
            self._is_silent = True
            text = "Slurm's controller has not answered for %d s (%s); asking again"
            logger.warning(text, silent, problem.splitlines()[-1] if problem else "no message")


def _task(line: str) -> Task:
    facts = dict(FIELD.findall(line))
    return Task(
        facts.get("ArrayTaskId", "0"),
        facts.get("JobState", ""),
        facts.get("Reason", ""),
        int(facts.get("ExitCode", "0:0").partition(":")[0]),
        facts.get("NodeList", ""),
        int(facts.get("Restarts", "0")),
        facts.get("Comment", ""),
        _nodes(facts.get("ExcNodeList", "")),
    )


def _nodes(listed: str) -> tuple[str, ...]:
    """The parts of a list of nodes, which may have commas within brackets."""
    return () if listed == "(null)" else tuple(NODES.findall(listed))
