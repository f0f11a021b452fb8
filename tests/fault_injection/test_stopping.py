"""Signals, a lost terminal, a dead driver: trainings keep their steps, and no worker is left."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import xstilts
from xstilts.core.store import Store
from xstilts.testing.waiting import wait_until
from xstilts.testing.worker_processes import workers_of

OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip
LONG = "recipes.intermediate.epochs=3000"
SECONDS = 120.0


def command(toy_file: Path, store: Path, *more: str) -> list[str]:
    sets = [part for override in (*OVERRIDES, *more) for part in ("--set", override)]
    run = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(store)]
    return [*run, "--workers", "1", *sets]


def worker_of(driver: int) -> int | None:
    """The process of the driver's worker."""
    return next(iter(workers_of(driver)), None)


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def training_started(store: Path) -> bool:
    journal = store / "journal.jsonl"
    return journal.exists() and '"train toy-same seed 0"' in journal.read_text()


@contextmanager
def in_long_training(toy_file: Path, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command whose worker is in a training of 3,000 epochs."""
    with subprocess.Popen(
        command(toy_file, store, LONG),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            wait_until(lambda: training_started(store))
            process.send_signal(signal.SIGHUP)  # saves a checkpoint and goes on
            wait_until(lambda: saved_steps(store))
            yield process
        finally:
            process.kill()


def saved_steps(store: Path) -> list[int]:
    """Steps of all checkpoints in a store."""
    names = [path.name for path in store.glob("checkpoints/*/step-*")]
    return [int(re.sub(r"\D", "", name)) for name in names]


@pytest.mark.parametrize(
    "stop", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.faults)]
)
def test_a_signal_saves_the_steps_of_a_training(
    toy_file: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    with in_long_training(toy_file, tmp_path / "store") as process:
        worker, [before] = worker_of(process.pid), saved_steps(tmp_path / "store")
        process.send_signal(stop)
        errors = process.communicate(timeout=SECONDS)[1].decode()
    assert process.returncode == 130, errors
    assert "save a checkpoint" in errors
    assert "Traceback" not in errors
    assert max(saved_steps(tmp_path / "store")) > before
    assert worker
    assert not is_alive(worker)


def test_workers_end_with_a_driver_that_is_killed(toy_file: Path, tmp_path: Path) -> None:
    with in_long_training(toy_file, tmp_path / "store") as process:
        worker = worker_of(process.pid)
        assert worker
        process.kill()
        wait_until(lambda: not is_alive(worker))


def test_a_second_signal_ends_at_once_and_leaves_no_worker(toy_file: Path, tmp_path: Path) -> None:
    """The worker is paused, so that it cannot save anything."""
    with in_long_training(toy_file, tmp_path / "store") as process:
        worker = worker_of(process.pid)
        assert worker
        os.kill(worker, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        assert process.stderr
        while b"save a checkpoint" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None)
        assert process.returncode == 130
        assert not is_alive(worker)


@pytest.mark.faults
def test_a_worker_that_gets_the_signal_itself_resumes_to_the_same_bytes(
    toy_file: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every worker is asked to stop at its 25th step; the training goes on in another one."""
    monkeypatch.setenv("XSTILTS_FAULT", "train.step:term@25")
    loaded = xstilts.load(str(toy_file), OVERRIDES)
    store = tmp_path / "store"
    assert xstilts.run(loaded, store, workers=1).exit_code == 0
    done, expected = Store(store), Store(finished)
    assert done.keys() == expected.keys()
    notes = []
    for key in done.names("artifacts"):
        assert done.artifact(key).manifest["files"] == expected.artifact(key).manifest["files"]
        notes += done.artifact(key).manifest["provenance"]["notes"]
    assert any("resumed from step" in note for note in notes)


@pytest.mark.faults
def test_a_run_outlives_its_terminal(toy_file: Path, finished: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command(toy_file, store))
    wait_until(lambda: (store / "journal.jsonl").exists())
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert Store(store).keys() == Store(finished).keys()


@pytest.mark.faults
def test_a_run_outlives_the_reader_of_its_messages(
    toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with subprocess.Popen(
        command(toy_file, store), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        process.stderr.close()
        assert process.wait(SECONDS) == 0
    assert Store(store).keys() == Store(finished).keys()
