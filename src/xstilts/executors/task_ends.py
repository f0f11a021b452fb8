"""How the tasks of an array job ended, and what that says of their nodes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.core.errors import ConfigError, StoreError, XstiltsError
from xstilts.executors.slurm_queue import Task
from xstilts.executors.submission import NO_STORE, OPTION, Submission

logger = logging.getLogger(__name__)
NOT_EXECUTABLE = (126, 127)
"""Exit codes of a shell that cannot start a program."""
FAILED_STAGES = 3
BY_ITSELF = ("COMPLETED", "FAILED")
"""States of tasks that Slurm has not ended, and that would have left a report."""


@dataclass
class TaskEnds:
    """The ends and restarts of a submission's tasks, each reported once."""

    submission: Submission
    root: Path
    problems: dict[str, XstiltsError] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)
    _is_cancelled: bool = False

    @property
    def why(self) -> str:
        """Why no task runs what is left."""
        for problem in self.problems.values():
            return f"its job has ended: {problem.what}"
        return "its job was cancelled" if self._is_cancelled else "its job has ended"

    def report(self, tasks: Iterable[Task]) -> None:
        """Report tasks that have restarted or ended since the last call."""
        reports = self.submission.reports()
        for number, facts in reports.items():
            if facts["restarts"] > self._restarts.get(number, 0):
                self._restarts[number] = facts["restarts"]
                text = "task %s was restarted on %s (restart %d)"
                logger.warning(text, number, facts["node"], facts["restarts"])
        tasks = list(tasks)
        for task in tasks:
            self._is_cancelled |= task.state == "CANCELLED"
            if task.has_ended and task.number not in self.problems:
                problem = self._problem(task, reports.get(task.number))
                if problem:
                    self.problems[task.number] = problem
                    logger.warning("task %s on %s: %s", task.number, task.node, problem)
        for number in reports.keys() - {task.number for task in tasks} - self.problems.keys():
            if text := reports[number]["problem"]:  # Slurm has forgotten the task
                self.problems[number] = ConfigError(text)
                logger.warning("task %s: %s", number, text)

    def raise_if_none_ran(self, any_started: bool) -> None:
        """Raise the first task's problem if no stage was started."""
        if self.problems and not any_started:
            raise next(iter(self.problems.values()))

    def _problem(self, task: Task, report: dict[str, Any] | None) -> XstiltsError | None:
        """What kept a task from running stages to the end.

        A report of an earlier start of the task, maybe on another node, says nothing of this one.
        """
        if task.exit_code in NOT_EXECUTABLE:
            return ConfigError(
                f"the node {task.node} cannot start this Python",
                where=OPTION,
                todo="install xstilts there under the same path as here",
            )
        if task.state == "CANCELLED":
            return None
        if task.exit_code == NO_STORE or (report is None and task.state in BY_ITSELF):
            return StoreError(
                f"the node {task.node} does not see the store {self.root}: its job has left no "
                f"report there ({task.state}, exit code {task.exit_code})",
                todo="give a folder that all nodes share, under one path, with --store",
            )
        if report and report["problem"] and report["restarts"] >= task.restarts:
            return ConfigError(report["problem"])
        if task.state == "COMPLETED" or task.exit_code == FAILED_STAGES:
            return None
        return ConfigError(
            f"the job ended with {task.state}, exit code {task.exit_code}",
            where=OPTION,
            todo=f"logs are in {self.root / 'slurm'}",
        )
