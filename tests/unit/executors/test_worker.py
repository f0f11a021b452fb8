"""What a worker process does with its standard input, and when its driver or disk space ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.artifact import Artifact
from xstilts.core.errors import StoreError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import worker
from xstilts.executors.worker import run_stage
from xstilts.testing.toy_stages import toy_plan
from xstilts.testing.waiting import wait_until

CODE = """
import sys
from xstilts.executors import worker

def run_stage(store, stage, send, on_loss, ranks):
    for ask in (input, sys.stdin.readline, lambda: open(0, closefd=False).read()):
        try:
            send(f"{stage.label}:{ask()!r}")
        except EOFError:
            send(f"{stage.label}:end")

worker.run_stage = run_stage
worker.main(sys.argv[1])
"""

DRIVER = """
import subprocess, sys, time
from pathlib import Path
from xstilts.executors.pool import worker_command
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
print(subprocess.Popen(worker_command(Path(sys.argv[1])), **pipes).pid, flush=True)
time.sleep(600)
"""


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process; nothing if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {} if status["State"].startswith("Z") else status


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_paused_worker_ends_with_its_driver(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    command = [sys.executable, "-c", DRIVER, str(store.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout
        pid = int(driver.stdout.readline())
        ends = 1 << (signal.SIGTERM - 1)
        wait_until(lambda: int(status_of(pid)["SigCgt"], 16) & ends)  # it has started
        os.kill(pid, signal.SIGSTOP)
        driver.kill()
    wait_until(lambda: not status_of(pid))


def test_no_message_of_the_executor_answers_a_prompt(tmp_path: Path) -> None:
    stages = [Stage("prepare", 1, {"n": n}, label=f"stage {n}") for n in range(3)]
    lines = "".join(json.dumps(stage.to_json()) + "\n" for stage in stages)
    store = Store(tmp_path / "store").prepare()
    command = [sys.executable, "-c", CODE, str(store.root)]
    answers = [f"{stage.label}:{answer}" for stage in stages for answer in ("end", "''", "''")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(lines)
        process.stdin.flush()
        assert [json.loads(process.stdout.readline()) for _ in answers] == answers


def test_a_disk_that_is_full_before_the_stage_starts_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store, events = Store(tmp_path / "store").prepare(), list[dict[str, Any]]()
    monkeypatch.setattr(store.leases, "hold", no_space)
    run_stage(store, toy_plan(1, tmp_path, 0.0).stages[0], events.append)
    assert (events[-1]["event"], events[-1]["exit_code"]) == ("failed", 4)
    assert "is full" in events[-1]["problem"]


def test_an_error_after_the_lease_was_lost_is_no_failure_of_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, events = Store(tmp_path / "store").prepare(), list[dict[str, Any]]()
    stage = toy_plan(1, tmp_path, 0.0).stages[0]

    def replaced(*_: object) -> None:
        (store.root / "leases" / stage.key / "2").touch()
        raise StoreError("the file has gone")  # as another process has cleaned up

    monkeypatch.setattr(worker, "execute_stage", replaced)
    run_stage(store, stage, events.append)
    assert [event["event"] for event in events] == ["started", "busy"]


class RemembersMissing(Store):
    """A store on a network file system that remembers that an artifact was missing."""

    def get_valid(self, key: str) -> Artifact | None:
        return super().get_valid(key) if self.has_looked else None

    has_looked = False

    def look_again(self) -> None:
        super().look_again()
        self.has_looked = True


def test_a_stage_that_another_machine_has_just_published_is_not_run_again(tmp_path: Path) -> None:
    store, events = RemembersMissing(tmp_path / "store").prepare(), list[dict[str, Any]]()
    stage = toy_plan(1, tmp_path, 0.0).stages[0]
    with store.staging(stage.key) as folder:
        Store(store.root).publish(stage, folder, {}, {})
    run_stage(store, stage, events.append)
    assert [event["event"] for event in events] == ["done"]
