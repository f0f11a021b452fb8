"""What a command says of an array job, also of one that an earlier command has submitted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from xstilts.core import artifact
from xstilts.core.errors import StoreError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import slurm, slurm_queue
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.drain import write_plan
from xstilts.executors.events import Event
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.slurm import SlurmExecutor
from xstilts.executors.submission import Submission

TRAIN = Stage("toy", 1, {"n": 1}, label="train")
PREDICT = Stage("toy", 1, {"n": 2}, {"model": TRAIN.key}, label="predict")
SCORE = Stage("toy", 1, {"n": 3}, {"rows": PREDICT.key}, label="score")
OTHER = Stage("toy", 1, {"n": 4}, label="other")
PLAN = Plan.of([TRAIN, PREDICT, SCORE, OTHER])
FAILED = {"problem": "no such column", "exit_code": 2}


class Reattached:
    """A command that finds the job of an earlier one in the queue, of which it knows a folder."""

    def __init__(self, root: Path, answers: Callable[[list[str]], None]) -> None:
        self.store = Store(root).prepare()
        self.submission = Submission.create(root, ExecutorOptions(), ())
        path = write_plan(self.store, PLAN).with_suffix(".job")
        path.write_text(f'{{"job": "7", "submission": "{self.submission.name}"}}')
        self._answers = answers
        self.events: list[Event] = []

    def failures(self, host: str) -> SubmissionFailures:
        """The failures as a task on a node records them."""
        return SubmissionFailures(self.submission.folder, host)

    def publish(self, stage: Stage) -> None:
        with self.store.staging(stage.key) as folder:
            self.store.publish(stage, folder, {}, {})

    def run(self, end: str = "COMPLETED") -> RunResult:
        """Wait for the job: its one task runs, then it has ended."""
        text = f"ArrayTaskId=1 JobState={{}} NodeList=node1 Comment={self.submission.name}"
        self._answers([text.format("RUNNING"), text.format("RUNNING"), text.format(end)])
        executor = SlurmExecutor(self.store, ExecutorOptions())
        return executor.run(PLAN, self.events.append)

    def reported(self, kind: str) -> list[str]:
        return [event.stage.label for event in self.events if event.kind == kind]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reattached:
    answers: Iterable[str] = ()

    def give(texts: list[str]) -> None:
        nonlocal answers
        answers = iter(texts)

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[:2] == ["scontrol", "show"]
        return subprocess.CompletedProcess(command, 0, next(iter(answers)), "")

    monkeypatch.setattr(slurm_queue.subprocess, "run", run)
    monkeypatch.setattr(slurm.shutil, "which", lambda name: name)
    monkeypatch.setattr(slurm, "POLL_SECONDS", 0.0)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    return Reattached(tmp_path / "store", give)


def test_a_failure_before_the_command_was_started_again_is_reported_with_its_cause(
    command: Reattached,
) -> None:
    command.submission.report()
    command.failures("node1").record(TRAIN.key, FAILED, only_here=False)
    command.publish(OTHER)
    result = command.run()
    assert result.failed == {TRAIN.key: "no such column"}
    assert result.skipped == {PREDICT.key: "train failed", SCORE.key: "train failed"}
    assert result.exit_code == 3
    assert command.reported("failed") == ["train"]


def test_what_each_node_lacked_is_reported(command: Reattached) -> None:
    command.submission.report()
    for host in ("node1", "node2"):
        problem = {"problem": f"{host}: no file"}
        command.failures(host).record(OTHER.key, problem, only_here=True)
        command.failures(host).record(TRAIN.key, problem, only_here=True)
    command.publish(OTHER)  # by a third one
    assert command.run().failed == {TRAIN.key: "node1: no file\nnode2: no file"}


def test_a_failure_that_each_task_writes_into_the_journal_is_reported_once(
    command: Reattached,
) -> None:
    command.submission.report()
    command.failures("node1").record(TRAIN.key, FAILED, only_here=False)
    watch = slurm._Watch(command.store, PLAN, command.events.append, command.store.journal.size)
    for _ in range(2):
        command.store.journal.write("failed", key=TRAIN.key, problem="no such column")
    watch.report_news()
    watch.report_recorded(command.submission.failures().problems())
    assert command.reported("failed") == ["train"]


def test_an_artifact_that_the_command_cannot_read_is_a_failure_of_its_stage(
    command: Reattached, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.submission.report()
    watch = slurm._Watch(command.store, PLAN, command.events.append, command.store.journal.size)
    before = PLAN.statuses(command.store)
    for stage in (TRAIN, OTHER):
        command.publish(stage)
    read = artifact.read_file

    def refuse(path: str) -> bytes:
        if TRAIN.key in path:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(artifact, "read_file", refuse)
    result = watch.result(before, command.store.root)
    assert "Permission denied" in result.failed[TRAIN.key]
    assert result.done == [OTHER.key]
    assert result.skipped == dict.fromkeys((PREDICT.key, SCORE.key), "train failed")
    assert result.exit_code == StoreError.exit_code


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("TIMEOUT", "its job has ended: the job ended with TIMEOUT, exit code 0"),
        ("OUT_OF_MEMORY", "its job has ended: the job ended with OUT_OF_MEMORY, exit code 0"),
        ("CANCELLED", "its job was cancelled"),
        ("COMPLETED", "its job has ended"),
    ],
)
def test_a_stage_that_was_not_run_is_skipped_for_the_reason_of_the_job_s_end(
    command: Reattached, state: str, why: str
) -> None:
    """Stages have run before this command: the end of the job is not the command's error."""
    command.submission.report()
    result = command.run(state)
    assert set(result.skipped.values()) == {why}
    assert result.exit_code == 3


def test_the_problem_of_a_task_that_slurm_has_forgotten_is_that_of_its_report(
    command: Reattached, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.submission.report()
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    command.submission.report("node2 has 0.1 of torch")
    why = "its job has ended: task 2: node2 has 0.1 of torch"
    assert set(command.run().skipped.values()) == {why}
