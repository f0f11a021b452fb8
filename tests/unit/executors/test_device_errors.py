"""Errors of a GPU: its process runs no further stage, and a node of Slurm with several none."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.device_errors import (
    DEVICE_ASSERTED,
    DEVICE_FAILED,
    DEVICE_UNCLEAR,
    UnusableGpu,
)
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import drain, worker
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import LOST, ignore_events
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.run_loop import run_plan
from xstilts.executors.scheduler import Scheduler
from xstilts.executors.submission import Submission
from xstilts.testing.simulated_pool import SimulatedPool, SimulatedWorker

STAGES = tuple(Stage("toy", 1, {"n": n}, label=f"toy {n}") for n in range(4))
PLAN = Plan.of(STAGES)
ECC = "CUDA error: uncorrectable ECC error encountered"
FAILED = {"event": "failed", "problem": f"RuntimeError: {ECC}", "device": DEVICE_FAILED}


@pytest.mark.parametrize(
    ("error", "device"),
    [
        (RuntimeError(ECC), DEVICE_FAILED),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), DEVICE_FAILED),
        (RuntimeError("No CUDA GPUs are available"), DEVICE_FAILED),
        (RuntimeError("CUDA driver error: invalid argument"), DEVICE_FAILED),
        (
            RuntimeError(
                "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions "
                "before? Error 802: system not yet initialized"
            ),
            DEVICE_FAILED,
        ),
        (RuntimeError("Found no NVIDIA driver on your system."), DEVICE_FAILED),
        (RuntimeError("NCCL Error 1: unhandled cuda error"), DEVICE_FAILED),
        (RuntimeError("NCCL error in: P.cpp:1, unhandled cuda error, NCCL"), DEVICE_FAILED),
        (RuntimeError("NCCL error in: P.cpp:1, remote process exited, NCCL"), None),
        (RuntimeError("cusolver error: CUSOLVER_STATUS_EXECUTION_FAILED, when"), DEVICE_FAILED),
        (RuntimeError("cuFFT error: CUFFT_INTERNAL_ERROR"), DEVICE_FAILED),
        (RuntimeError("call failed with CUFFT_EXEC_FAILED"), DEVICE_FAILED),
        (RuntimeError("hipBLAS error"), DEVICE_FAILED),
        (RuntimeError("HIP error: HIPBLAS_STATUS_INTERNAL_ERROR when"), DEVICE_FAILED),
        (RuntimeError("rocblas error: rocblas_status_internal_error"), DEVICE_FAILED),
        (RuntimeError("MIOpen Error: no kernel"), DEVICE_FAILED),
        (UnusableGpu("torch cannot use GPU 0"), DEVICE_FAILED),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling"), DEVICE_UNCLEAR),
        (RuntimeError("set an environment variable: CUBLAS_WORKSPACE_CONFIG=:4096:8"), None),
        (RuntimeError("custom error of a current step"), None),
        (RuntimeError("CUDA error: device-side assert triggered"), DEVICE_ASSERTED),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), None),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), None),
        (ValueError("a column is named CUDA error"), None),
    ],
)
def test_a_failure_says_whether_the_gpu_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, device: str | None
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(worker, "execute_stage", fail)
    events: list[dict[str, Any]] = []
    worker.run_stage(Store(tmp_path / "store").prepare(), STAGES[0], events.append)
    assert events[-1].get("device") == device


class _Pool(SimulatedPool):
    """Counts the workers that are to be removed, and keeps them."""

    removed = 0

    def remove(self, worker: SimulatedWorker) -> None:
        self.removed += 1


@pytest.mark.parametrize("device", [DEVICE_FAILED, DEVICE_ASSERTED])
def test_a_process_whose_gpu_has_reported_an_error_runs_no_further_stage(
    tmp_path: Path, device: str
) -> None:
    pool = _Pool(2, lambda _: 1.0, lambda _: FAILED | {"device": device})
    plan, store = Plan.of(STAGES[:2]), Store(tmp_path).prepare()
    result = run_plan(store, plan, pool, ExecutorOptions(), ignore_events)
    assert result.failed.keys() == plan.by_key.keys()
    assert pool.removed == 2


def scheduler(root: Path, host: str) -> Scheduler:
    shared = SubmissionFailures(root / "shared", host)
    shared.folder.mkdir(exist_ok=True)
    return Scheduler(Store(root / "store").prepare(), PLAN, ignore_events, shared)


def fail_next(process: Scheduler, host: str, **facts: str) -> None:
    stage = process.next_stage("", (), host)
    assert stage
    process.receive({**FAILED, **facts, "key": stage.key}, host)


def test_a_node_with_failing_gpus_ends_and_others_run_all_stages(tmp_path: Path) -> None:
    bad, good = scheduler(tmp_path, "bad.0"), scheduler(tmp_path, "good")
    fail_next(bad, "bad.0")
    assert not bad.is_finished
    fail_next(bad, "bad.0")
    assert bad.next_stage("", (), "bad.0") is None
    assert bad.is_finished
    assert set(bad.result.skipped.values()) == {"the GPUs of bad.0 fail"}
    assert SubmissionFailures(tmp_path / "shared", "good").broken_nodes() == {"bad.0"}
    assert {good.next_stage("", (), "good") for _ in STAGES} == set(STAGES)


def test_no_task_of_a_node_with_failing_gpus_gets_a_stage(tmp_path: Path) -> None:
    """Neither one that was put back, nor another task's next one."""
    bad, second = scheduler(tmp_path, "bad"), scheduler(tmp_path, "bad")
    lost, finished = bad.next_stage("", (), "bad"), second.next_stage("", (), "bad")
    assert lost
    assert finished
    for _ in range(2):
        fail_next(bad, "bad")
    bad.lose(lost, "killed")
    second.receive({"event": "done", "key": finished.key, "facts": {}, "seconds": 1.0}, "bad")
    for process in (bad, second):
        assert process.next_stage("", (), "bad") is None
        assert process.is_finished
    assert scheduler(tmp_path, "good").next_stage("", (), "good")


def test_a_gpu_error_of_a_divided_training_is_its_node_s(tmp_path: Path) -> None:
    bad, good = scheduler(tmp_path, "bad"), scheduler(tmp_path, "good")
    stage = bad.next_stage("", (), "bad")
    assert stage
    bad.receive({**FAILED, "event": LOST, "key": stage.key}, "bad")
    assert bad.result.failed.keys() == {stage.key}
    assert good.next_stage("", (), "good") == stage


def test_an_error_that_memory_may_have_caused_fails_its_stage_and_no_node(tmp_path: Path) -> None:
    process = scheduler(tmp_path, "a")
    for _ in range(3):
        fail_next(process, "a", device=DEVICE_UNCLEAR)
    assert len(process.result.failed) == 3
    assert process.next_stage("", (), "a")
    other = scheduler(tmp_path, "b")
    assert {other.next_stage("", (), "b") for _ in STAGES} == set(STAGES)


def test_asserts_of_a_program_fail_their_stages_and_no_node(tmp_path: Path) -> None:
    process = scheduler(tmp_path, "a")
    for _ in range(3):
        fail_next(process, "a", device=DEVICE_ASSERTED)
    assert not process.is_finished
    other = scheduler(tmp_path, "b")
    assert other.next_stage("", (), "b")
    assert len(other.result.failed) == 3
    assert SubmissionFailures(tmp_path / "shared", "a").broken_nodes() == set()


PENDING = "JobId=7 ArrayTaskId=4-9 JobState=PENDING ReqNodeList=(null) ExcNodeList={}"
SHOW = ["scontrol", "show", "job", "7", "--oneliner"]


@pytest.mark.parametrize(
    ("code", "answer", "listed"),
    [
        (0, PENDING.format("(null)"), "node1"),
        (0, PENDING.format("old[1,3-4],node9"), "old[1,3-4],node9,node1"),
        (0, PENDING.format("node1,node9"), "node1,node9"),
        (0, PENDING.format("gone").replace("PENDING", "COMPLETED"), "node1"),
        (1, "", None),
    ],
)
def test_a_task_on_a_node_with_failing_gpus_runs_nothing_and_excludes_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, answer: str, listed: str | None
) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        is_question = command == SHOW
        return subprocess.CompletedProcess(
            command, code if is_question else 0, answer if is_question else "", ""
        )

    monkeypatch.setattr(drain.subprocess, "run", run)
    store = Store(tmp_path).prepare()
    submission = Submission.create(tmp_path, ExecutorOptions(), ())
    for stage in STAGES[:2]:
        submission.failures().record(stage.key, FAILED, only_here=True)
    assert drain.drain(store, PLAN, submission) == 3
    update = ["scontrol", "update", "JobId=7", f"ExcNodeList={listed}"]
    assert commands == [SHOW, *([update] if listed else [])]
    assert "GPUs of node1" in submission.reports()["3"]["problem"]
    assert store.journal.size == 0


@pytest.mark.parametrize(("code", "is_reported"), [(0, False), (3, True)])
def test_a_task_that_has_run_everything_does_not_blame_its_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_reported: bool
) -> None:
    """Another task of the node records its failures meanwhile."""
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    store = Store(tmp_path).prepare()
    submission = Submission.create(tmp_path, ExecutorOptions(), ())

    def run(*_: Any) -> RunResult:
        for stage in STAGES[:2]:
            submission.failures().record(stage.key, FAILED, only_here=True)
        return RunResult(exit_code=code)

    monkeypatch.setattr(drain.LocalExecutor, "run", run)
    assert drain.drain(store, PLAN, submission) == code
    assert bool(submission.reports()) == is_reported
