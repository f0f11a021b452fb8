"""Trainings as runs of MLflow: against a fake client, and for real where mlflow is installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.trackers import TRACKERS
from xstilts.trackers.base import RunInfo
from xstilts.trackers.mlflow import MlflowTracker, valid_name
from xstilts.trackers.stage_params import flat_params

PARAMS = {"seed": 3, "recipe": {"learning_rate": 1e-5, "tasks": ["a"]}}
FIRST = Stage("train", 1, PARAMS, label="train none/xnli, seed 3")
SECOND = Stage("train", 1, {"seed": 4}, label="train none/xnli, seed 4")


def progress(stage: Stage, step: int, **facts: Any) -> Event:
    return Event("progress", stage, {"step": step, "steps": 2, **facts})


EVENTS = (
    progress(FIRST, 1, loss=0.5),
    progress(SECOND, 1, loss=0.7),
    progress(FIRST, 2, dev={"xnli[:10]": 0.75}),
    Event("done", FIRST, {}),
    Event("failed", SECOND, {"problem": "no space"}),
    Event("done", Stage("score", 1, {"task": "xnli"}), {}),
)


class FakeClient:
    """MLflow's client, as far as it is used; runs are kept by id, also for later clients."""

    addresses: list[str]
    experiments: dict[str, str]
    runs: dict[str, dict[str, Any]]

    def __init__(self, address: str) -> None:
        self.addresses.append(address)

    def get_experiment_by_name(self, name: str) -> Any:
        known = name in self.experiments
        return SimpleNamespace(experiment_id=f"id of {name}") if known else None

    def create_experiment(self, name: str, artifact_location: str | None) -> str:
        self.experiments[name] = artifact_location or ""
        return f"id of {name}"

    def search_runs(self, experiments: list[str], query: str) -> list[Any]:
        found = [run for run, facts in self.runs.items() if facts["tags"]["xstilts.key"] in query]
        return [SimpleNamespace(info=SimpleNamespace(run_id=run)) for run in found]

    def create_run(self, experiment: str, tags: dict[str, str], run_name: str) -> Any:
        facts = {"experiment": experiment, "tags": tags, "params": {}, "metrics": [], "status": []}
        self.runs[run_name] = facts
        return SimpleNamespace(info=SimpleNamespace(run_id=run_name))

    def log_param(self, run: str, name: str, value: str) -> None:
        self.runs[run]["params"][name] = value

    def log_metric(self, run: str, name: str, value: float, step: int) -> None:
        self.runs[run]["metrics"].append((name, value, step))

    def update_run(self, run: str, status: str) -> None:
        self.runs[run]["status"].append(status)

    def set_terminated(self, run: str, status: str) -> None:
        self.runs[run]["status"].append(status)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    module: Any = ModuleType("mlflow.tracking")
    module.MlflowClient = FakeClient
    monkeypatch.setitem(sys.modules, "mlflow", ModuleType("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.tracking", module)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    FakeClient.addresses, FakeClient.experiments, FakeClient.runs = [], {}, {}
    return FakeClient


def send(tracker: Any) -> None:
    for event in EVENTS:
        tracker.on_event(event)
    tracker.close()


def test_each_training_is_a_run_with_its_params(client: type[FakeClient], info: RunInfo) -> None:
    send(TRACKERS.get("mlflow")(info))
    assert list(client.runs) == [FIRST.label, SECOND.label]
    run = client.runs[FIRST.label]
    assert run["experiment"] == "id of toy"
    assert run["tags"] == {"xstilts.key": FIRST.key, "xstilts.kind": "train"}
    wanted = {"seed": "3", "recipe.learning_rate": "1e-05", "recipe.tasks": "['a']"}
    assert run["params"] == wanted
    assert run["metrics"] == [("loss", 0.5, 1), ("dev/xnli_:10_", 0.75, 2)]
    assert run["status"] == ["FINISHED"]
    assert client.runs[SECOND.label]["status"] == ["FAILED"]


def test_runs_are_below_the_tracking_folder(client: type[FakeClient], info: RunInfo) -> None:
    MlflowTracker(info)
    assert client.addresses == [f"sqlite:///{info.folder}/mlflow/mlflow.db"]
    assert client.experiments == {"toy": f"file://{info.folder}/mlflow/artifacts"}


def test_a_server_gets_the_runs_if_there_is_one(
    client: type[FakeClient], info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    MlflowTracker(info)
    assert client.addresses == ["http://localhost:5000"]
    assert client.experiments == {"toy": ""}
    assert not info.folder.exists()


def test_a_resumed_training_goes_on_in_its_run(client: type[FakeClient], info: RunInfo) -> None:
    tracker = MlflowTracker(info)
    tracker.on_event(EVENTS[0])
    tracker.close()
    send(MlflowTracker(info))
    run = client.runs[FIRST.label]
    assert run["status"] == ["KILLED", "RUNNING", "FINISHED"]
    assert len(client.runs) == 2


def test_names_have_characters_that_mlflow_allows() -> None:
    assert valid_name("dev/xnli (10 shots) > a+b") == "dev/xnli _10 shots_ _ a_b"


def test_nested_params_get_names_with_dots() -> None:
    assert flat_params({"a": {"b": {"c": 1}}, "d": []}) == {"a.b.c": 1, "d": []}


def test_the_real_package_keeps_what_was_logged(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pytest.importorskip("mlflow.tracking")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracker = MlflowTracker(info)
    tracker.on_event(EVENTS[0])
    tracker.close()
    send(MlflowTracker(info))
    client = real.MlflowClient(f"sqlite:///{info.folder}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("toy").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert {name: run.info.status for name, run in runs.items()} == {
        FIRST.label: "FINISHED",
        SECOND.label: "FAILED",
    }
    assert runs[FIRST.label].data.metrics == {"loss": 0.5, "dev/xnli_:10_": 0.75}
