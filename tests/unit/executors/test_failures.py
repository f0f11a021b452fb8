"""Stages that fail on one host, and failures that the processes of a submission share."""

from __future__ import annotations

import json
from pathlib import Path
from sys import getrecursionlimit
from typing import Any

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.attempts import MAX_DEATHS
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import ignore_events
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.run_loop import run_plan
from xstilts.executors.scheduler import Scheduler
from xstilts.testing.simulated_pool import SimulatedPool, SimulatedWorker

READS = Stage("toy", 1, {"n": 1}, label="reads", context={"folder": "data"})
OTHER = Stage("toy", 1, {"n": 2}, label="other")
FAILED = {"event": "failed", "problem": "no such file", "exit_code": 2}


class TwoHosts(SimulatedPool):
    """Workers on hosts a and b in turn; files are missing on some."""

    def __init__(self, *without_files: str, small: tuple[str, ...] = ()) -> None:
        super().__init__(2, lambda stage: 1.0)
        self.without_files, self.small = without_files, small
        self.begun: list[tuple[str, str]] = []

    def start(self) -> SimulatedWorker:
        worker = super().start()
        worker.host = "ab"[worker.number]
        return worker

    def begin(self, worker: SimulatedWorker, stage: Stage) -> None:
        self.begun.append((stage.label, worker.host))
        fails = worker.host in self.without_files and stage == READS
        self.outcome = lambda _: FAILED if fails else {"event": "done", "facts": {}, "seconds": 0.0}
        super().begin(worker, stage)

    def shortage(self, worker: SimulatedWorker, stage: Stage) -> str:
        return "too little memory" if worker.host in self.small else ""


def run(folder: Path, pool: SimulatedPool, *stages: Stage) -> RunResult:
    store = Store(folder).prepare()
    return run_plan(store, Plan.of(stages), pool, ExecutorOptions(), ignore_events)


def test_a_stage_whose_files_a_host_lacks_runs_on_another(tmp_path: Path) -> None:
    pool = TwoHosts("a")
    result = run(tmp_path, pool, READS)
    assert result.done == [READS.key]
    assert pool.begun == [("reads", "a"), ("reads", "b")]


def test_a_stage_that_all_hosts_refuse_fails_with_their_names(tmp_path: Path) -> None:
    result = run(tmp_path, TwoHosts("a", "b"), READS)
    assert result.failed == {READS.key: "a: no such file\nb: no such file"}
    assert result.exit_code == 3


def test_a_stage_is_not_sent_to_a_host_without_the_memory(tmp_path: Path) -> None:
    pool = TwoHosts(small=("a",))
    result = run(tmp_path, pool, OTHER)
    assert (result.done, pool.begun) == ([OTHER.key], [("other", "b")])


def test_a_stage_that_no_host_has_memory_for_fails(tmp_path: Path) -> None:
    result = run(tmp_path, TwoHosts(small=("a", "b")), OTHER)
    assert "too little memory" in result.failed[OTHER.key]


def scheduler(root: Path, host: str, *stages: Stage) -> Scheduler:
    shared = SubmissionFailures(root / "shared", host)
    shared.folder.mkdir(exist_ok=True)
    return Scheduler(Store(root / "store").prepare(), Plan.of(stages), ignore_events, shared)


def test_a_failed_stage_is_not_tried_by_other_processes_of_its_submission(tmp_path: Path) -> None:
    first, second = (scheduler(tmp_path, host, OTHER) for host in "ab")
    assert first.next_stage("", (), "a") == OTHER
    first.receive({"key": OTHER.key, **FAILED}, "a")
    assert second.next_stage("", (), "b") is None
    assert second.result.failed == {OTHER.key: "no such file"}


def test_more_stages_may_have_failed_elsewhere_than_calls_may_be_nested(tmp_path: Path) -> None:
    stages = [Stage("toy", 1, {"n": n}, label=str(n)) for n in range(getrecursionlimit())]
    process = scheduler(tmp_path, "a", *stages)
    for stage in stages:
        path = tmp_path / "shared" / f"{stage.key}.failed"
        path.write_text(json.dumps({"problem": "no such file", "exit_code": 2}))
    assert process.next_stage("", (), "a") is None
    assert len(process.result.failed) == len(stages)


@pytest.mark.parametrize(("host", "is_tried"), [("a", False), ("b", True)])
def test_a_host_without_files_decides_for_itself_alone(
    tmp_path: Path, host: str, is_tried: bool
) -> None:
    first, second = scheduler(tmp_path, "a", READS), scheduler(tmp_path, host, READS)
    first.next_stage("", (), "a")
    first.receive({"key": READS.key, **FAILED}, "a")
    assert first.is_finished
    assert (second.next_stage("", (), host) is not None) == is_tried


def test_deaths_of_workers_are_counted_over_all_processes(tmp_path: Path) -> None:
    assert MAX_DEATHS == 2
    first, second = (scheduler(tmp_path, host, OTHER) for host in "ab")
    for process in (first, second):
        process.next_stage("", ())
        process.lose(OTHER, "killed")
    assert not first.result.failed
    assert second.result.failed == {OTHER.key: "killed"}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"problem": "no such file"}',
        '{"problem": "no such file", "exit_code": "x"}',
        '{"problem": null, "exit_code": 3}',
    ],
)
def test_a_damaged_record_counts_for_nothing(tmp_path: Path, text: str) -> None:
    process: Any = scheduler(tmp_path, "a", OTHER)
    (tmp_path / "shared" / f"{OTHER.key}.failed").write_text(text)
    assert process.next_stage("", (), "a") == OTHER
