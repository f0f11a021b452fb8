"""Trainings as runs of W&B: a stand-in, and the real package, offline, where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.trackers.base import RunInfo
from xstilts.trackers.wandb import WandbTracker

FIRST = Stage("train", 1, {"seed": 3, "recipe": {"epochs": 2}}, label="train none/xnli, seed 3")
SECOND = Stage("train", 1, {"seed": 4}, label="train none/xnli, seed 4")
INTERRUPTED = 1
READABLE = "0.31"
"""The first version which is known to have the command `leet inspect`."""


def progress(stage: Stage, step: int, **facts: Any) -> Event:
    return Event("progress", stage, {"step": step, "steps": 4, **facts})


EVENTS = (
    progress(FIRST, 1, loss=0.5, examples_per_second=9.0),
    progress(SECOND, 1, loss=0.7),
    progress(FIRST, 2, dev={"xnli": 0.75}),
    progress(FIRST, 1, loss=0.25),
    Event("done", FIRST),
    Event("done", Stage("score", 1, {"task": "xnli"})),
)


def send(info: RunInfo, *events: Event) -> None:
    tracker = WandbTracker(info)
    for event in events:
        tracker.on_event(event)
    tracker.close()


class FakeWandb(ModuleType):
    """wandb, as far as it is used; its runs record what they are given."""

    errors = SimpleNamespace(Error=RuntimeError)

    def __init__(self) -> None:
        super().__init__("wandb")
        self.runs: list[FakeRun] = []
        self.mode, self.logins, self.Settings = "online", 0, dict

    def setup(self) -> Any:
        return SimpleNamespace(settings=SimpleNamespace(mode=self.mode))

    def login(self) -> None:
        self.logins += 1

    def init(self, **settings: Any) -> FakeRun:
        self.runs.append(FakeRun(settings))
        return self.runs[-1]


class FakeRun:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings, self.logged, self.exit_codes = settings, list[Any](), list[int]()
        self.axes: dict[str, str] = {}

    def define_metric(self, name: str, step_metric: str) -> None:
        self.axes[name] = step_metric

    def log(self, values: dict[str, float]) -> None:
        self.logged.append(values)

    def finish(self, exit_code: int) -> None:
        self.exit_codes.append(exit_code)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    module = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def test_each_training_is_a_run(
    info: RunInfo, fake: FakeWandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    send(info, *EVENTS)
    first, second = fake.runs
    wanted = {"project": "mine", "group": "toy", "name": FIRST.label, "config": FIRST.params}
    assert wanted.items() <= first.settings.items()
    assert first.axes == {"*": "step"}
    assert first.logged == [
        {"step": 1, "loss": 0.5, "examples_per_second": 9.0},
        {"step": 2, "dev/xnli": 0.75},
        {"step": 1, "loss": 0.25},
    ]
    assert (first.exit_codes, second.exit_codes) == ([0], [INTERRUPTED])


def test_only_the_first_run_writes_messages(info: RunInfo, fake: FakeWandb) -> None:
    send(info, *EVENTS)
    first, second = (run.settings["settings"] for run in fake.runs)
    assert first["console"] == second["console"] == "off"
    assert "silent" not in first
    assert second["silent"]


@pytest.mark.parametrize(
    ("mode", "logins"), [("online", 1), ("offline", 0), ("dryrun", 0), ("disabled", 0)]
)
def test_the_login_is_before_the_run(
    mode: str, logins: int, info: RunInfo, fake: FakeWandb
) -> None:
    fake.mode = mode
    WandbTracker(info)
    assert fake.logins == logins


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The real package, offline, without the user's settings, keys and folders."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)  # a folder `wandb` with settings is looked for here
    wandb = pytest.importorskip("wandb", minversion=READABLE)
    wandb.teardown()
    yield wandb
    wandb.teardown()


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The records of a kind in the file of an offline run, as W&B's own command reads it."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [json.loads(line) for line in output.splitlines()]
    return [record[kind] for record in found if record["type"] == kind]


def offline_runs(info_folder: Path, stage: Stage) -> list[Path]:
    """The folders of a stage's runs, in the order of time."""
    return sorted((info_folder / "wandb").glob(f"offline-run-*-{stage.key[:32]}*"))


def history(folder: Path) -> dict[str, dict[int, float]]:
    """Curve → step → the latest value."""
    curves: dict[str, dict[int, float]] = {}
    for item in (record["item"] for record in records(folder, "history")):
        for name in item.keys() - {"step"}:
            if not name.startswith("_"):
                curves.setdefault(name, {})[item["step"]] = item[name]
    return curves


def test_the_real_package_keeps_the_log_of_a_training_that_was_resumed(
    real: Any, tracked_run: Callable[[str], Any]
) -> None:
    run = tracked_run("wandb")
    for stage in run.logs:
        parts = [history(folder) for folder in offline_runs(run.folder, stage)]
        if stage.key == run.failed:
            assert list(parts[0]["loss"]) == list(range(1, run.saved + 2))
            assert min(parts[1]["loss"]) == run.saved + 1
        joined = {
            name: {step: value for part in parts for step, value in part.get(name, {}).items()}
            for name in parts[-1]
        }
        assert len(joined.pop("examples_per_second")) == len(run.logs[stage]["losses"])
        assert joined == run.curves(stage)


def test_the_real_package_keeps_what_describes_a_training_that_was_resumed(
    real: Any, tracked_run: Callable[[str], Any]
) -> None:
    run = tracked_run("wandb")
    for stage in run.logs:
        folders = offline_runs(run.folder, stage)
        for folder in folders:
            (described,) = records(folder, "run")
            config = described["config"]["update"]
            assert config.pop("_wandb") is not None
            assert config == json.loads(json.dumps(stage.params))
            assert described["display_name"] == stage.label
            assert described["run_id"] == stage.key[:32]
            assert described["run_group"] == "tracked"
            assert described["resume"]
        ends = [end.get("exit_code", 0) for folder in folders for end in records(folder, "exit")]
        assert ends == ([1, 0] if stage.key == run.failed else [0])


def test_the_real_package_keeps_trainings_at_the_same_time_apart(
    real: Any, info: RunInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    send(info, *EVENTS)
    (first,), (second,) = (offline_runs(info.folder, stage) for stage in (FIRST, SECOND))
    curves = history(first)
    assert curves.pop("examples_per_second") == {1: 9.0}
    assert curves == {"loss": {1: 0.25}, "dev/xnli": {2: 0.75}}
    assert history(second) == {"loss": {1: 0.7}}
    out, err = capsys.readouterr()
    assert out == ""
    assert first.name in err
    assert second.name not in err
    assert records(first, "output_raw") == records(second, "output_raw") == []


def test_the_real_package_without_a_key_is_refused_before_the_run(
    real: Any, info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr("sys.stdin", StringIO())  # no terminal to ask for a key
    real.teardown()
    with pytest.raises(ConfigError, match="wandb login") as error:
        WandbTracker(info)
    assert error.value.where == "--tracker"
