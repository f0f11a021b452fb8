"""Killed or disk full at any point: a further run ends in the bytes of an uninterrupted one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.fault_injection import POINTS
from xstilts.core.store import Store
from xstilts.executors.events import Event
from xstilts.testing.equal_artifacts import check_equal_artifacts
from xstilts.testing.worker_processes import workers_of

OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip
OFTEN = "recipes.target.checkpoint_minutes=1.0e-9"


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_resumes_to_the_same_bytes(
    toy_file: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Every worker dies at some pass of the point; the last `run` has no faults."""
    loaded = xstilts.load(str(toy_file), [*OVERRIDES, OFTEN])
    number = {"store": 18, "evaluate": 3}.get(point.partition(".")[0], 25)
    monkeypatch.setenv("XSTILTS_FAULT", f"{point}:kill@{number}")
    notes: list[str] = []

    def listen(event: Event) -> None:
        if event.kind == "note":
            notes.append(event.facts["problem"])

    xstilts.run(loaded, tmp_path / "store", workers=1, on_event=listen)
    assert notes
    assert all("SIGKILL" in note for note in notes)
    monkeypatch.delenv("XSTILTS_FAULT")
    assert xstilts.run(loaded, tmp_path / "store", workers=1).exit_code == 0
    check_equal_artifacts(Store(tmp_path / "store"), Store(finished))
    assert list((tmp_path / "store" / "checkpoints").iterdir()) == []


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS)
def test_a_full_disk_at_any_point_is_a_store_error_and_loses_nothing(
    toy_file: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    loaded = xstilts.load(str(toy_file), [*OVERRIDES, OFTEN])
    number = 2 if point.startswith("evaluate") else 4
    monkeypatch.setenv("XSTILTS_FAULT", f"{point}:full@{number}")
    broken = xstilts.run(loaded, tmp_path / "store", workers=1)
    assert broken.exit_code == 4
    assert all("is full" in problem for problem in broken.failed.values())
    monkeypatch.delenv("XSTILTS_FAULT")
    assert xstilts.run(loaded, tmp_path / "store", workers=1).exit_code == 0
    check_equal_artifacts(Store(tmp_path / "store"), Store(finished))


def test_a_killed_worker_is_replaced_in_the_same_run(
    small: LoadedExperiment, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies once, from outside: its stage is tried again."""
    victims: list[int] = []

    def listen(event: object) -> None:
        if getattr(event, "kind", "") == "started" and not victims:
            victims.extend(workers_of(os.getpid()))
            os.kill(victims[0], signal.SIGKILL)

    outcome = xstilts.run(small, tmp_path / "store", workers=1, on_event=listen)
    assert victims
    assert outcome.exit_code == 0
    check_equal_artifacts(Store(tmp_path / "store"), Store(finished))


@pytest.mark.faults
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_command_keeps_finished_stages(
    toy_file: Path, finished: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    sets = [part for override in OVERRIDES for part in ("--set", override)]
    command = [
        sys.executable,
        "-m",
        "xstilts",
        "run",
        str(toy_file),
        "--store",
        str(tmp_path / "store"),
        *sets,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    artifacts = tmp_path / "store" / "artifacts"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (
        artifacts.is_dir() and len(list(artifacts.iterdir())) > 5
    ):
        time.sleep(0.02)
    process.send_signal(stop)
    _, errors = process.communicate(timeout=30)
    kept = len(list(artifacts.iterdir()))
    assert kept > 5
    if stop is not signal.SIGKILL:
        assert process.returncode == 130
        assert b"re-run" in errors
    done = subprocess.run(command, capture_output=True, check=True, timeout=200)
    assert b"stages:" in done.stdout
    check_equal_artifacts(Store(tmp_path / "store"), Store(finished))
