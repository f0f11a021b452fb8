"""How the tasks of an array job ended, and what that says of their nodes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
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
CANCELLED = "was cancelled"
SHOWN = 3
"""Texts or numbers of tasks in one list, at most; the log has all."""


@dataclass
class TaskEnds:
    """The ends and restarts of a submission's tasks, each reported once."""

    submission: Submission
    root: Path
    problems: dict[str, XstiltsError] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)
    _how: dict[str, str] = field(default_factory=dict)
    """Number of each task that has ended → how, in words; empty if as it should."""

    @property
    def why(self) -> str:
        """Why no task runs what is left: how all tasks have ended, or each that ended otherwise."""
        tasks: dict[str, list[str]] = {}
        for number, how in self._how.items():
            tasks.setdefault(how, []).append(number)
        if tasks.keys() == {CANCELLED}:
            return f"its job {CANCELLED}"
        if len(tasks) > 1:
            tasks.pop("", None)
            texts = [f"task {_some(numbers, ', ')}: {how}" for how, numbers in tasks.items()]
        else:
            texts = list(filter(None, tasks))
        return f"its job has ended: {_some(texts, '; ')}" if texts else "its job has ended"

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
            if task.has_ended and task.number not in self.problems:
                self._how[task.number] = CANCELLED if task.state == "CANCELLED" else ""
                problem = self._problem(task, reports.get(task.number))
                if problem:
                    self._add(task.number, problem)
                    logger.warning("task %s on %s: %s", task.number, task.node, problem)
        for number in reports.keys() - {task.number for task in tasks} - self.problems.keys():
            self._how.setdefault(number, "")  # Slurm has forgotten the task
            if text := reports[number]["problem"]:
                self._add(number, ConfigError(text))
                logger.warning("task %s: %s", number, text)

    def raise_if_none_ran(self, any_started: bool) -> None:
        """Raise the first task's problem if no stage was started."""
        if self.problems and not any_started:
            raise next(iter(self.problems.values()))

    def _add(self, number: str, problem: XstiltsError) -> None:
        self.problems[number], self._how[number] = problem, problem.what

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


def _some(texts: Sequence[str], separator: str) -> str:
    """The first texts of a list, and whether there are more."""
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return separator.join([*texts[:SHOWN], *more])
