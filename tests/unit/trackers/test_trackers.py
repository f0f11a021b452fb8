"""Trackers get every event of a run, and none of them can lose it."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import MissingPackageError, UnknownNameError
from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.event_metrics import curve_points
from xstilts.trackers.fan_out import tracked

TRAIN = Stage("train", 1, {"seed": 3}, label="train none/xnli, seed 3")
SCORE = Stage("score", 1, {"task": "xnli"}, label="score xnli")
EVENTS = (
    Event("started", TRAIN),
    Event("progress", TRAIN, {"step": 1, "steps": 2, "loss": 0.5, "examples_per_second": 9.0}),
    Event("progress", TRAIN, {"step": 2, "steps": 2, "dev": {"xnli": 0.75}}),
    Event("done", TRAIN, {"steps": 2, "seconds": 1.5}),
    Event("started", SCORE),
    Event("failed", SCORE, {"problem": "no gold"}),
)


@pytest.fixture
def info(tmp_path: Path) -> RunInfo:
    return RunInfo("toy", tmp_path / "tracking" / "toy", {"name": "toy"})


class Recorder:
    """Keeps the events; raises at the one with a given number."""

    def __init__(self, fails_at: int | None = None, fails_to_close: bool = False) -> None:
        self.events: list[Event] = []
        self.closed, self.fails_at, self.fails_to_close = 0, fails_at, fails_to_close

    def on_event(self, event: Event) -> None:
        if len(self.events) == self.fails_at:
            raise RuntimeError("no connection")
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1
        if self.fails_to_close:
            raise OSError("no space")


def send(info: RunInfo, *trackers: Any) -> list[Event]:
    """Send all events to trackers; returns those that the display got."""
    shown: list[Event] = []
    with tracked(shown.append, trackers, info) as listen:
        for event in EVENTS:
            listen(event)
    return shown


def test_every_listener_gets_every_event_and_trackers_are_closed(info: RunInfo) -> None:
    trackers = (Recorder(), Recorder())
    assert send(info, *trackers) == list(EVENTS)
    assert [tracker.events for tracker in trackers] == [list(EVENTS)] * 2
    assert [tracker.closed for tracker in trackers] == [1, 1]


def test_a_tracker_that_raises_is_disabled_with_a_warning(
    info: RunInfo, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = Recorder(fails_at=2), Recorder()
    with caplog.at_level(logging.WARNING):
        assert send(info, broken, other) == list(EVENTS)
    assert broken.events == list(EVENTS[:2])
    assert other.events == list(EVENTS)
    (record,) = caplog.records
    assert "Recorder" in record.getMessage()
    assert "no connection" in record.getMessage()


def test_a_tracker_that_cannot_be_closed_does_not_fail_the_run(
    info: RunInfo, caplog: pytest.LogCaptureFixture
) -> None:
    other = Recorder()
    assert send(info, Recorder(fails_to_close=True), other) == list(EVENTS)
    assert other.closed == 1
    assert "no space" in caplog.text


def test_trackers_are_closed_when_a_run_is_interrupted(info: RunInfo) -> None:
    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    tracker = Recorder()
    with (
        pytest.raises(KeyboardInterrupt),
        tracked(interrupted, [tracker], info) as listen,
    ):
        listen(EVENTS[0])
    assert tracker.closed == 1


def test_an_unknown_tracker_is_named(info: RunInfo) -> None:
    with pytest.raises(UnknownNameError) as error:
        send(info, "json")
    assert error.value.where == "--tracker"
    assert "jsonl" in str(error.value)


def test_jsonl_appends_a_line_per_event(info: RunInfo) -> None:
    send(info, "jsonl")
    send(info, "jsonl")
    lines = (info.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 * len(EVENTS)
    second = json.loads(lines[1])
    assert second.pop("time") > 0
    assert second == {
        "event": "progress",
        "key": TRAIN.key,
        "kind": "train",
        "label": TRAIN.label,
        "facts": EVENTS[1].facts,
    }


def test_curves_hold_loss_speed_and_dev_scores() -> None:
    assert [curve_points(event) for event in EVENTS[:4]] == [
        {},
        {"loss": 0.5, "examples_per_second": 9.0},
        {"dev/xnli": 0.75},
        {},
    ]


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("mlflow", "mlflow.tracking"),
        ("tensorboard", "torch.utils.tensorboard"),
        ("trackio", "trackio"),
        ("wandb", "wandb"),
    ],
)
def test_a_missing_package_is_named_with_its_command(
    name: str, module: str, info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError) as error:
        send(info, name)
    assert error.value.todo == f"run: pip install 'xstilts[{name}]'"
