"""Errors of a GPU: its process runs no further stage, and a node of Slurm with several none."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import drain, worker
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import ignore_events
from xstilts.executors.failures import DEVICE_ASSERTED, DEVICE_FAILED, SubmissionFailures
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
    assert bad.is_finished
    assert set(bad.result.skipped.values()) == {"the GPUs of bad.0 fail"}
    assert SubmissionFailures(tmp_path / "shared", "good").broken_nodes() == {"bad.0"}
    assert {good.next_stage("", (), "good") for _ in STAGES} == set(STAGES)


def test_asserts_of_a_program_fail_their_stages_and_no_node(tmp_path: Path) -> None:
    process = scheduler(tmp_path, "a")
    for _ in range(3):
        fail_next(process, "a", device=DEVICE_ASSERTED)
    assert not process.is_finished
    other = scheduler(tmp_path, "b")
    assert other.next_stage("", (), "b")
    assert len(other.result.failed) == 3
    assert SubmissionFailures(tmp_path / "shared", "a").broken_nodes() == set()


def test_a_task_on_a_node_with_failing_gpus_runs_nothing_and_excludes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(drain.subprocess, "run", run)
    store = Store(tmp_path).prepare()
    submission = Submission.create(tmp_path, ExecutorOptions(), ())
    for stage in STAGES[:2]:
        submission.failures().record(stage.key, FAILED, only_here=True)
    assert drain.drain(store, PLAN, submission) == 3
    assert commands == [["scontrol", "update", "JobId=7", "ExcNodeList=node1"]]
    assert "GPUs of node1" in submission.reports()["3"]["problem"]
    assert store.journal.size == 0
