"""Trainings as runs of TensorBoard: stand-ins, and the real package where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.testing.waiting import wait_until
from xstilts.trackers.base import RunInfo
from xstilts.trackers.tensorboard import TensorBoardTracker, folder_name

TRAIN = Stage("train", 1, {"seed": 3}, label="train none/xnli, seed 3")


def progress(step: int, **facts: Any) -> Event:
    return Event("progress", TRAIN, {"step": step, "steps": 4, **facts})


def send(info: RunInfo, *events: Event) -> None:
    tracker = TensorBoardTracker(info)
    for event in events:
        tracker.on_event(event)
    tracker.close()


class FakeWriter:
    """torch's SummaryWriter, as far as it is used; keeps the calls."""

    made: list[FakeWriter]

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.calls = Path(folder), [("restart", purge_step)]
        self.file_writer = SimpleNamespace(
            add_event=lambda _, step: self.calls.append(("restart", step))
        )
        self.made.append(self)

    def add_scalar(self, *scalar: Any) -> None:
        self.calls.append(scalar)

    def close(self) -> None:
        self.calls.append(("close",))


class FakeSessionLog(SimpleNamespace):
    START = 1


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[FakeWriter]:
    FakeWriter.made = []
    torch: Any = ModuleType("torch.utils.tensorboard")
    torch.SummaryWriter = FakeWriter
    events: Any = ModuleType("tensorboard.compat.proto.event_pb2")
    events.Event, events.SessionLog = SimpleNamespace, FakeSessionLog
    for module in (torch, events):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return FakeWriter.made


def test_each_training_is_a_run_in_a_folder(info: RunInfo, writers: list[FakeWriter]) -> None:
    send(
        info,
        progress(1, loss=0.5, examples_per_second=9.0),
        progress(2, dev={"xnli": 0.75}),
        Event("done", TRAIN),
        Event("done", Stage("score", 1, {"task": "xnli"})),
    )
    (writer,) = writers
    assert writer.folder == info.folder / "tensorboard" / f"train_none_xnli,_seed_3-{TRAIN.key[:8]}"
    assert writer.calls == [
        ("restart", 1),
        *(("loss", 0.5, 1), ("examples_per_second", 9.0, 1), ("dev/xnli", 0.75, 2)),
        ("close",),
    ]


def test_a_training_that_begins_again_replaces_its_values(
    info: RunInfo, writers: list[FakeWriter]
) -> None:
    send(info, progress(1, loss=0.5), progress(2, loss=0.4), progress(1, loss=0.3))
    assert writers[0].calls == [
        *(("restart", 1), ("loss", 0.5, 1), ("loss", 0.4, 2)),
        *(("restart", 1), ("loss", 0.3, 1), ("close",)),
    ]


@pytest.fixture
def read() -> Callable[[Path], dict[str, list[tuple[int, float]]]]:
    """Reads what the real TensorBoard shows of a folder: curve → (step, value) in order."""
    module = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(module)

    def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
        events = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        return {
            name: [(point.step, point.value) for point in events.Scalars(name)]
            for name in events.Tags()["scalars"]
        }

    return read


def test_the_real_package_shows_the_log_of_a_training_that_was_resumed(
    read: Callable[..., Any], tracked_run: Callable[[str], Any]
) -> None:
    run = tracked_run("tensorboard")
    folders = {
        stage: run.folder / "tensorboard" / folder_name(Event("done", stage)) for stage in run.logs
    }
    assert sorted(folders.values()) == sorted((run.folder / "tensorboard").iterdir())
    for stage, folder in folders.items():
        assert len(list(folder.iterdir())) == (2 if stage.key == run.failed else 1)
        shown = {name: dict(points) for name, points in read(folder).items()}
        assert len(shown.pop("examples_per_second")) == len(run.logs[stage]["losses"])
        assert shown == run.curves(stage)
        assert [step for step, _ in read(folder)["loss"]] == list(shown["loss"])


def test_the_real_package_shows_the_last_attempt_of_a_training(
    info: RunInfo, read: Callable[..., Any]
) -> None:
    first = [progress(step, loss=0.5) for step in (1, 2, 3)]
    send(info, *first, progress(1, loss=0.25), progress(2, loss=0.125))
    (folder,) = (info.folder / "tensorboard").iterdir()
    assert read(folder) == {"loss": [(1, 0.25), (2, 0.125)]}


def test_the_real_package_has_written_the_values_of_a_run_that_is_killed(
    info: RunInfo, read: Callable[..., Any]
) -> None:
    tracker = TensorBoardTracker(info)
    for step in (1, 2, 3):
        tracker.on_event(progress(step, loss=0.5))
    (folder,) = (info.folder / "tensorboard").iterdir()
    wait_until(lambda: read(folder) == {"loss": [(1, 0.5), (2, 0.5), (3, 0.5)]}, seconds=10)
    tracker.close()
