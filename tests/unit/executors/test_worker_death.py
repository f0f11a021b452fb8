"""Why a worker has ended, in words."""

from __future__ import annotations

import signal

import pytest

from xstilts.core.stopping import STOPPED
from xstilts.executors import worker_death
from xstilts.executors.worker_death import WorkerDeath


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_death, "total_memory", lambda: 8 * 10**9)


def test_a_worker_that_the_kernel_killed_for_memory_says_so_with_the_estimate() -> None:
    text = WorkerDeath(-signal.SIGKILL, 3, 4, 9_500_000_000).text
    assert all(part in text for part in ("SIGKILL", "kernel", "9.5 GB", "8.0 GB", "--workers"))


@pytest.mark.parametrize("kills", [(3, 3), (None, None)])
def test_another_kill_is_only_perhaps_for_memory(kills: tuple[int | None, int | None]) -> None:
    text = WorkerDeath(-signal.SIGKILL, *kills, None).text
    assert "SIGKILL, perhaps" in text
    assert "kernel" not in text


@pytest.mark.parametrize(("code", "name"), [(-signal.SIGSEGV, "SIGSEGV"), (7, "exit code 7")])
def test_other_ends_name_the_log(code: int, name: str) -> None:
    text = WorkerDeath(code, 0, 0, 10**9).text
    assert name in text
    assert "worker.log" in text
    assert "GB" not in text


def test_a_signal_that_stopped_the_worker_alone_is_named() -> None:
    text = WorkerDeath(STOPPED, 3, 3, 10**9).text
    assert "stopped by SIGTERM or SIGUSR1" in text
    assert "75" not in text


@pytest.mark.parametrize("code", [-signal.SIGKILL, 1])
def test_the_end_of_the_process_that_forks_workers_is_not_blamed_on_memory(code: int) -> None:
    text = WorkerDeath(code, 3, 3, 10**9, with_server=True).text
    assert "the process that forks workers" in text
    assert "worker.log" in text
    assert "memory" not in text


def test_the_process_that_forks_workers_may_be_killed_for_memory() -> None:
    text = WorkerDeath(-signal.SIGKILL, 3, 4, 10**9, with_server=True).text
    assert "the process that forks workers" in text
    assert "memory was exhausted" in text
