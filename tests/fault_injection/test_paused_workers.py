"""R7: a worker that is paused past its lease is replaced, and publishes nothing when it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.leases import Lease
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import run_loop, silent_workers
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor
from xstilts.testing.toy_stages import toy_plan
from xstilts.testing.waiting import wait_until

WORKER = """
import sys
from xstilts.core import leases
leases.HEARTBEAT, leases.EXPIRY = 0.05, 0.5
from xstilts.executors import worker
worker.main(sys.argv[1])
"""
STORE_POINTS = (
    "store.before_files_synced", "store.before_manifest", "store.before_rename",
    "store.after_rename",
)  # fmt: skip


class WorkerProcess:
    """A worker with leases of half a second; its messages are read on request."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, stage: Stage) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(stage.to_json()).encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """The next message; empty when the process has ended."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def last_of(self, stage: Stage) -> str:
        """Run a stage; the last event, waiting while another process holds the stage."""
        while True:
            self.send(stage)
            event = self.read()["event"]
            if event == "busy":
                time.sleep(0.1)
                continue
            return str(self.read()["event"] if event == "started" else event)

    @property
    def is_paused(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "T"


@contextmanager
def worker(store: Store, fault: str = "") -> Iterator[WorkerProcess]:
    environment = {**os.environ, "XSTILTS_FAULT": fault}
    command = [sys.executable, "-c", WORKER, str(store.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield WorkerProcess(process)
        finally:
            process.kill()


@pytest.fixture
def stage(logs: Path) -> Stage:
    """A toy stage."""
    return toy_plan(1, logs, 0.01).stages[0]


def inode(store: Store, stage: Stage) -> int:
    return (store.artifact(stage.key).path / "manifest.json").stat().st_ino


def check_one_artifact(store: Store, stage: Stage, published: int) -> None:
    """The artifact is the one that the second worker left, and nothing else remains."""
    assert inode(store, stage) == published
    store.artifact(stage.key).check_digests()
    store.cleanup()
    assert store.keys() == [stage.key]
    assert store.names("staging") == store.names("damaged") == []
    assert isinstance(store.leases.take(stage.key), Lease)


@pytest.mark.parametrize(
    "point",
    [
        *(pytest.param(point, marks=pytest.mark.faults) for point in STORE_POINTS[:2]),
        STORE_POINTS[2],
        pytest.param(STORE_POINTS[3], marks=pytest.mark.faults),
    ],
)
def test_a_worker_that_is_paused_while_it_publishes_is_replaced(
    point: str, tmp_path: Path, stage: Stage
) -> None:
    store = Store(tmp_path / "store").prepare()
    with worker(store, f"{point}:pause") as paused, worker(store) as other:
        paused.send(stage)
        wait_until(lambda: paused.is_paused)
        assert other.last_of(stage) == "done"
        published = inode(store, stage)
        paused.process.send_signal(signal.SIGCONT)
        assert paused.read()["event"] == "started"
        last = paused.read().get("event", "ended")
        assert last in (("done", "ended") if point == "store.after_rename" else ("busy", "ended"))
    check_one_artifact(store, stage, published)


@pytest.mark.faults
def test_a_worker_that_is_paused_in_its_stage_is_replaced(
    tmp_path: Path, stage: Stage, gate: Callable[[bool], None]
) -> None:
    store = Store(tmp_path / "store").prepare()
    gate(False)
    with worker(store) as paused, worker(store) as other:
        paused.send(stage)
        assert paused.read()["event"] == "started"
        paused.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: paused.is_paused)
        gate(True)
        assert other.last_of(stage) == "done"
        published = inode(store, stage)
        paused.process.send_signal(signal.SIGCONT)
        assert paused.read().get("event", "ended") in ("busy", "ended")
    check_one_artifact(store, stage, published)


@pytest.fixture
def gate(tmp_path: Path) -> Callable[[bool], None]:
    """Opens or closes the end of toy stages."""
    file = tmp_path / "logs" / "gate"
    return lambda is_open: file.touch() if is_open else file.unlink()


def test_a_run_says_that_its_own_worker_shows_no_sign_of_life(
    tmp_path: Path, logs: Path, gate: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the next heartbeat of a worker, so that none needs to be paused."""
    monkeypatch.setattr(silent_workers, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(silent_workers, "EXPIRY", 0.5)
    monkeypatch.setattr(run_loop, "POLL_SECONDS", 0.05)
    gate(False)
    notes: list[str] = []

    def on_event(event: Event) -> None:
        if event.kind == "note":
            notes.append(event.facts["problem"])
            gate(True)

    plan = toy_plan(1, logs, 0.01)
    options = ExecutorOptions(workers=1)
    assert LocalExecutor(Store(tmp_path / "store").prepare(), options).run(plan, on_event).done
    assert len(notes) == 1
    assert "no sign of life" in notes[0]
