"""Parallel work on several cores: order, concurrency limits, errors."""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import pytest

from xstilts.core import cpu as cores
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.executors import worker
from xstilts.executors.pool import WorkerPool, WorkerProcess


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_keep_the_order_of_items(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_pool", lambda: pool)
    cores.set_core_limit(count)

    def square(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number * number

    with ThreadPoolExecutor(4) as pool:
        assert list(cores.parallel_map(square, range(12))) == [
            number * number for number in range(12)
        ]


def test_concurrency_never_exceeds_the_core_limit() -> None:
    most = under_way = 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal most, under_way
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1

    cores.set_core_limit(2)
    list(cores.parallel_map(work, range(8)))
    assert most == min(2, cores.available_cores())
    most = 0
    cores.set_core_limit(1)
    list(cores.parallel_map(work, range(3)))
    assert most == 1


def test_one_core_works_in_the_calling_thread() -> None:
    found = set(cores.parallel_map(lambda _: threading.get_ident(), range(3)))
    assert found == {threading.get_ident()}


def test_the_core_limit_can_change_during_work() -> None:
    threads, third = {}, threading.Event()

    def work(number: int) -> int:
        threads[number] = threading.get_ident()
        if number == 3:
            third.wait(1)  # so that it is this one that has the last word
        cores.set_core_limit(2 if number in (1, 2) else 1)
        if number == 2:
            third.set()
        return number

    assert list(cores.parallel_map(work, range(6))) == list(range(6))
    own = threading.get_ident()
    assert [threads[number] == own for number in (0, 1, 2, 5)] == [True, True, False, True]


@pytest.mark.parametrize("limit", ["two", "0", "-1", "1.5"])
def test_an_invalid_core_limit_is_rejected(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cores.LIMIT, limit)
    with pytest.raises(ConfigError, match=f"'{limit}' cores"):
        cores.available_cores()


def test_few_results_are_buffered_behind_a_slow_one() -> None:
    done = []

    def work(number: int) -> int:
        time.sleep(0.2 if number == 0 else 0.01)
        done.append(number)
        return number

    cores.set_core_limit(2)
    assert next(cores.parallel_map(work, range(20))) == 0
    assert len(done) <= 4


@pytest.mark.parametrize(
    ("quota", "limit", "most"),
    [("200000 100000", "", 2), ("150000 100000", "", 2), ("max 100000", "1", 1), ("", "", 64)],
)
def test_cgroups_and_environment_limit_the_cores(
    quota: str, limit: str, most: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setenv(cores.LIMIT, limit)
    assert cores.available_cores() == most


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_is_raised_after_running_work_has_ended(count: int) -> None:
    cores.set_core_limit(count)
    ended = []

    def work(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        time.sleep(0.02)
        ended.append(number)
        return number

    with pytest.raises(ValueError, match="one"):
        list(cores.parallel_map(work, range(4)))
    before = list(ended)
    time.sleep(0.05)
    assert ended == before
    assert 0 in ended


class FakeWorker(WorkerProcess):
    """A worker that keeps the messages it is sent."""

    def __init__(self, busy: bool) -> None:
        super().__init__(cast("Any", None), stage=Stage("train", 1, {}) if busy else None)
        self.sent: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    ("total", "busy", "shares"),
    [
        (5, (True, True), (2, 3)),
        (5, (True, False), (5, 1)),
        (1, (True, True), (1, 1)),
        (8, (True,) * 3, (2, 3, 3)),
    ],
)
def test_busy_workers_share_the_cores(
    total: int, busy: tuple[bool, ...], shares: tuple[int, ...], tmp_path: Path
) -> None:
    workers = [FakeWorker(one) for one in busy]
    pool = WorkerPool(tmp_path, (), total)
    pool.workers = list(workers)
    pool.share_cores()
    assert tuple(worker.cores for worker in workers) == shares
    assert [worker.sent for worker in workers] == [
        [] if share == 1 else [{"cores": share}] for share in shares
    ]
    pool.share_cores()
    assert sum(len(worker.sent) for worker in workers) == sum(share > 1 for share in shares)


def test_a_worker_gets_its_new_core_limit_during_a_stage() -> None:
    stage = Stage("train", 1, {"a": 1}, {}, "a stage")
    lines = [stage.to_json(), {"cores": 3}]
    messages = io.StringIO("".join(json.dumps(line) + "\n" for line in lines))
    stages = SimpleQueue[Stage]()
    worker.read_messages(messages, stages)
    assert cores.core_limit() == 3
    assert stages.get().key == stage.key
    assert stages.empty()
