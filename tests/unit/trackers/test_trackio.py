"""Trainings as runs of trackio: against a fake module, and for real where it is installed."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.trackers import TRACKERS
from xstilts.trackers.base import RunInfo

FIRST = Stage("train", 1, {"seed": 3}, label="train none/xnli, seed 3")
SECOND = Stage("train", 1, {"seed": 4}, label="train none/xnli, seed 4")
NAMES = [f"{stage.label} {stage.key[:8]}" for stage in (FIRST, SECOND)]
EVENTS = (
    Event("progress", FIRST, {"step": 1, "steps": 2, "loss": 0.5}),
    Event("progress", SECOND, {"step": 1, "steps": 2, "loss": 0.7}),
    Event("progress", FIRST, {"step": 2, "steps": 2, "dev": {"xnli": 0.75}}),
    Event("done", FIRST, {}),
    Event("done", Stage("score", 1, {"task": "xnli"}), {}),
)
CURRENT: ContextVar[Any] = ContextVar("current", default=None)


class FakeRun:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings, self.logged, self.finished = settings, list[Any](), 0

    def log(self, values: dict[str, float], step: int) -> None:
        assert not self.finished
        self.logged.append((step, values))

    def finish(self) -> None:
        print("* Run finished")
        self.finished += 1


class FakeTrackio(ModuleType):
    """trackio, as far as it is used: `init` finishes the current run of its context."""

    def __init__(self) -> None:
        super().__init__("trackio")
        self.runs: list[FakeRun] = []

    def init(self, **settings: Any) -> FakeRun:
        print("* Trackio project initialized")
        if CURRENT.get() is not None:
            CURRENT.get().finish()
        self.runs.append(FakeRun(settings))
        CURRENT.set(self.runs[-1])
        return self.runs[-1]


@pytest.fixture
def trackio(monkeypatch: pytest.MonkeyPatch) -> FakeTrackio:
    module = FakeTrackio()
    monkeypatch.setitem(sys.modules, "trackio", module)
    return module


def send(tmp_path: Path) -> None:
    tracker = TRACKERS.get("trackio")(RunInfo("toy", tmp_path))
    for event in EVENTS:
        tracker.on_event(event)
    tracker.close()


def test_trainings_at_the_same_time_have_runs_of_their_own(
    trackio: FakeTrackio, tmp_path: Path
) -> None:
    send(tmp_path)
    first, second = trackio.runs
    assert first.logged == [(1, {"loss": 0.5}), (2, {"dev/xnli": 0.75})]
    assert second.logged == [(1, {"loss": 0.7})]
    assert (first.finished, second.finished) == (1, 1)


def test_a_run_has_the_stage_as_config_and_can_be_resumed(
    trackio: FakeTrackio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_PROJECT", "mine")
    send(tmp_path)
    wanted = {"project": "mine", "group": "toy", "config": {"seed": 3}, "resume": "allow"}
    assert wanted.items() <= trackio.runs[0].settings.items()
    assert [run.settings["name"] for run in trackio.runs] == NAMES


def test_messages_of_the_package_stay_out_of_the_output(
    trackio: FakeTrackio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send(tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Trackio project initialized" in err


def test_the_real_package_keeps_what_was_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    pytest.importorskip("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    send(tmp_path)
    assert sorted(SQLiteStorage.get_runs("xstilts")) == NAMES
    logged = [line.get("loss") for line in SQLiteStorage.get_logs("xstilts", NAMES[0])]
    assert logged == [0.5, None]
