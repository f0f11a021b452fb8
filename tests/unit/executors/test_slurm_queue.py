"""What Slurm's answers mean, without a Slurm."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.store import Store
from xstilts.executors import slurm_queue
from xstilts.executors.base import BatchOptions, ExecutorOptions
from xstilts.executors.slurm import SlurmExecutor, batch_script
from xstilts.executors.slurm_queue import Queue, Task
from xstilts.executors.submission import NO_STORE, Submission
from xstilts.executors.task_ends import TaskEnds

LINE = (
    "JobId=8 ArrayJobId=7 ArrayTaskId={number} JobName=xstilts JobState={state} Reason={reason} "
    "Restarts={restarts} ExitCode={code}:0 NodeList=node1 BatchHost=node1 Comment={comment}"
)

FACTS = {"number": 1, "reason": "None", "restarts": 0, "code": 0, "comment": "abc"}


def answer(monkeypatch: pytest.MonkeyPatch, text: str, error: str = "") -> list[list[str]]:
    """Let Slurm's programs answer with a text; the commands that are run."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, bool(error), text, error)

    monkeypatch.setattr(slurm_queue.subprocess, "run", run)
    return commands


def line(**facts: Any) -> str:
    return LINE.format(**{**FACTS, **facts})


def test_tasks_are_read_from_slurm_s_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, f"{line(state='FAILED', code=76)}\n{line(number='2-8', state='PENDING')}\n")
    tasks = Queue("7").tasks()
    assert tasks == [
        Task("1", "FAILED", "None", 76, "node1", 0, "abc"),
        Task("2-8", "PENDING", "None", 0, "node1", 0, "abc"),
    ]  # fmt: skip
    assert [task.has_ended for task in tasks or ()] == [True, False]


@pytest.mark.parametrize(("comment", "is_found"), [("abc", True), ("other", False)])
def test_a_number_that_slurm_has_used_again_is_not_the_job_submitted_before(
    comment: str, is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xstilts.executors.slurm.shutil.which", lambda name: name)
    plan = tmp_path / "plan.json"
    plan.with_suffix(".job").write_text('{"job": "7", "submission": "abc"}')
    answer(monkeypatch, line(state="RUNNING", comment=comment))
    executor = SlurmExecutor(Store(tmp_path), ExecutorOptions())
    assert (executor._queued(plan) is not None) == is_found


def test_a_job_that_slurm_has_forgotten_has_no_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "", "slurm_load_jobs error: Invalid job id specified")
    assert Queue("7").tasks() == []


def test_a_silent_controller_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slurm_queue, "SILENT_SECONDS", -1.0)
    answer(monkeypatch, "", "Unable to contact slurm controller (connect failure)")
    queue = Queue("7")
    assert [queue.tasks(), queue.tasks()] == [None, None]
    assert caplog.text.count("Unable to contact") == 1


def test_a_reason_that_never_ends_cancels_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = answer(monkeypatch, "")
    with pytest.raises(ConfigError, match="PartitionTimeLimit"):
        Queue("7").report_waiting([Task("1", "PENDING", "PartitionTimeLimit")])
    assert commands == [["scancel", "7"]]


def test_tasks_without_a_node_whose_gpus_work_are_cancelled_and_others_run_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    commands = answer(monkeypatch, "")
    queue, waiting = Queue("7"), Task("3-6", "PENDING", "BadConstraints")
    for _ in range(2):  # the first scancel may fail
        queue.report_waiting([Task("1", "RUNNING"), waiting], {"node2", "node1"})
    assert commands == [["scancel", "--state=PENDING", "7"]] * 2
    assert caplog.text.count("node1, node2") == 1
    with pytest.raises(ConfigError, match="BadConstraints"):
        queue.report_waiting([waiting])
    assert commands[2:] == [["scancel", "7"]]


def test_each_reason_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue("7")
    for _ in range(2):
        queue.report_waiting([Task("1-4", "PENDING", "Resources"), Task("5", "PENDING", "None")])
    assert caplog.text.count("job 7 waits (Resources)") == 1


def ends(root: Path, *tasks: Task, problem: str | None = None) -> TaskEnds:
    submission = Submission.create(root, ExecutorOptions(), ())
    if problem is not None:
        submission.report(problem)
    found = TaskEnds(submission, root)
    found.report(tasks)
    return found


@pytest.mark.parametrize("code", [0, 1, NO_STORE])
def test_a_task_without_a_report_does_not_see_the_store(tmp_path: Path, code: int) -> None:
    with pytest.raises(StoreError, match="node2 does not see the store"):
        ends(tmp_path, Task("0", "FAILED", "", code, "node2")).raise_if_none_ran(False)


@pytest.mark.parametrize("state", ["NODE_FAIL", "TIMEOUT", "OUT_OF_MEMORY", "BOOT_FAIL"])
def test_a_task_that_slurm_ended_before_its_report_may_see_the_store(
    tmp_path: Path, state: str
) -> None:
    with pytest.raises(ConfigError, match=state):
        ends(tmp_path, Task("0", state, "", 0, "node2")).raise_if_none_ran(False)


@pytest.mark.parametrize(("restarts", "is_current"), [(0, True), (1, False)])
def test_a_report_of_an_earlier_start_says_nothing_of_this_one(
    tmp_path: Path, restarts: int, is_current: bool
) -> None:
    task = Task("0", "FAILED", "", 1, "node2", restarts)
    problem = ends(tmp_path, task, problem="node1 has 0.1 of torch").problems["0"]
    assert ("node1" in str(problem)) == is_current


@pytest.mark.parametrize("text", ["[]", "{", '{"node": "a"}', '{"restarts": "x", "node": "a"}'])
def test_what_is_no_report_counts_for_nothing(tmp_path: Path, text: str) -> None:
    submission = Submission.create(tmp_path, ExecutorOptions(), ())
    (submission.folder / "task-0.json").write_text(text)
    TaskEnds(submission, tmp_path).report([Task("0", "RUNNING")])
    assert submission.reports() == {}


def test_nodes_with_one_host_name_decide_for_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = Submission.create(tmp_path, ExecutorOptions(), ())
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    submission.failures().record("k", {"problem": "no file"}, only_here=True)
    assert submission.failures().failure("k")
    monkeypatch.setenv("SLURMD_NODENAME", "node2")
    assert submission.failures().failure("k") is None


def test_a_problem_of_one_node_ends_nothing_if_others_run_stages(tmp_path: Path) -> None:
    ends(tmp_path, Task("0", "FAILED", "", 2, "node2"), problem="versions").raise_if_none_ran(True)


@pytest.mark.parametrize(("state", "code"), [("COMPLETED", 0), ("FAILED", 3), ("CANCELLED", 0)])
def test_ordinary_ends_of_tasks_are_no_problem(tmp_path: Path, state: str, code: int) -> None:
    assert not ends(tmp_path, Task("0", state, "", code, "node2"), problem="").problems


TIMEOUT = "the job ended with TIMEOUT, exit code 0"


@pytest.mark.parametrize(
    ("states", "why"),
    [
        (["COMPLETED", "COMPLETED"], "its job has ended"),
        (["CANCELLED", "CANCELLED"], "its job was cancelled"),
        (["TIMEOUT", "TIMEOUT"], f"its job has ended: {TIMEOUT}"),
        (["COMPLETED", "CANCELLED"], "its job has ended: task 1: was cancelled"),
        (["TIMEOUT", "CANCELLED"], f"its job has ended: task 0: {TIMEOUT}; task 1: was cancelled"),
        (
            ["TIMEOUT"] * 5 + ["COMPLETED"],
            f"its job has ended: task 0, 1, 2, and 2 more: {TIMEOUT}",
        ),
    ],
)
def test_an_end_is_that_of_the_tasks_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: list[str], why: str
) -> None:
    submission = Submission.create(tmp_path, ExecutorOptions(), ())
    for number in range(len(states)):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number))
        submission.report()
    found = TaskEnds(submission, tmp_path)
    found.report(Task(str(number), state) for number, state in enumerate(states))
    assert found.why == why


def test_restarts_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    ends(tmp_path, problem="")
    assert "restart 1" in caplog.text


def test_a_missing_program_of_slurm_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="sbatch"):
        SlurmExecutor(Store(tmp_path), ExecutorOptions())


def test_a_job_has_the_gpus_of_its_workers(tmp_path: Path) -> None:
    options = ExecutorOptions(workers=2, devices_per_stage=2, batch=BatchOptions("p", 4, "1:00"))
    script = batch_script(Submission(tmp_path, "name"), tmp_path / "plan", options)
    assert "--gpus-per-task=4" in script
    assert "--array=1-2" in script
    assert "cpus-per-task" not in script
    on_cpu = ExecutorOptions(devices_per_stage=2)
    assert "--cpus-per-task=2" in batch_script(Submission(tmp_path, "name"), tmp_path, on_cpu)
