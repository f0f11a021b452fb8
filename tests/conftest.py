"""Shared fixtures: a toy experiment, and a store in which it is finished."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import settings
from pydantic import TypeAdapter

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core import artifact
from xstilts.core.artifact import MANIFEST
from xstilts.core.cpu import set_core_limit
from xstilts.core.store import Store
from xstilts.executors import local
from xstilts.executors.base import RunResult
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment
from xstilts.tasks.tasksource import download, package
from xstilts.tasks.tasksource.annotation import Annotation
from xstilts.testing.cached_hub import COMMIT, cached_paths
from xstilts.testing.in_process_pool import InProcessPool
from xstilts.testing.tiny import write_experiment

RECORDED_TASKSOURCE = Path(__file__).parent / "fixtures" / "tasksource-0.1.1.json"

settings.register_profile("xstilts", deadline=None)
settings.load_profile("xstilts")
torch.set_num_threads(1)  # as workers do, whose bytes some tests compare with


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    """Whatever a test allows."""
    yield
    set_core_limit(1)


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy experiment's YAML, beside its data and its tiny encoder."""
    return write_experiment(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy(toy_file: Path) -> LoadedExperiment:
    """The toy experiment."""
    return xstilts.load(str(toy_file))


@pytest.fixture(scope="session")
def small(toy_file: Path) -> LoadedExperiment:
    """A cheaper toy experiment: one seed, the baseline and one setting, two targets."""
    return xstilts.load(
        str(toy_file),
        [
            "name=small",
            "seeds=[0]",
            "intermediate=[none, toy-same]",
            "targets=[toy-kind, toy-search]",
        ],
    )


@pytest.fixture(scope="session")
def finished(small: LoadedExperiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the small experiment is finished; do not write to it."""
    store = tmp_path_factory.mktemp("finished") / "store"
    outcome = xstilts.run(small, store, workers=1)
    assert outcome.exit_code == 0, outcome.failed
    return store


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished store, to be harmed."""
    target = tmp_path / "store"
    shutil.copytree(finished, target)
    return target


@pytest.fixture(scope="session")
def run_in_process() -> Callable[..., RunResult]:
    """`xstilts.run` in this process: all is as in a run but the start of workers, which is slow."""

    def run(experiment: LoadedExperiment | str | Path, store: Path, **options: Any) -> RunResult:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(local, "WorkerPool", InProcessPool)
            return xstilts.run(experiment, store, workers=1, **options)

    return run


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run their stages in this process."""
    monkeypatch.setattr(local, "WorkerPool", InProcessPool)


@pytest.fixture
def run_here() -> Callable[[LoadedExperiment, Path], Store]:
    """Runs what is missing of an experiment in this process; errors are raised."""

    def run(loaded: LoadedExperiment, folder: Path) -> Store:
        store = Store(folder).prepare()
        for stage in compile_experiment(loaded).plan.stages:
            if not store.has(stage.key):
                execute_stage(store, stage, lambda _: None)
        return store

    return run


@pytest.fixture
def manifests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Key → how often its manifest was read."""
    reads: Counter[str] = Counter()
    read_file = artifact.read_file

    def counted(path: str) -> bytes:
        folder, _, name = path.rpartition("/")
        if name == MANIFEST:
            reads[Path(folder).name] += 1
        return read_file(path)

    monkeypatch.setattr(artifact, "read_file", counted)
    return reads


@pytest.fixture
def hub_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What $HF_HOME names; what is in it is all that the Hub has."""
    folder = tmp_path / "hf"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(folder / "assets"))
    return folder


@pytest.fixture
def recorded_tasksource(hub_home: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The recorded table in place of the package; gets each listing that the Hub is asked for."""
    listed = TypeAdapter(list[Annotation]).validate_json(RECORDED_TASKSOURCE.read_bytes())
    asked: list[tuple[str, str]] = []

    def dataset_info(_api: Any, dataset: str, *, revision: str) -> SimpleNamespace:
        asked.append((dataset, revision))
        files = [SimpleNamespace(rfilename=path) for path in cached_paths(hub_home, dataset)]
        if not files:
            raise OSError("no such data set")
        return SimpleNamespace(sha=COMMIT, siblings=files)

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", dataset_info)
    monkeypatch.setattr(package, "find_spec", lambda _name: object())
    monkeypatch.setattr(package, "_listed", lambda: {one.id: one for one in listed})
    monkeypatch.setattr(package, "package_version", lambda: "0.1.1")
    monkeypatch.setattr(download, "package_version", lambda: "0.1.1")
    monkeypatch.setattr(download, "licence_of", lambda _id: "cc0-1.0")
    return asked
