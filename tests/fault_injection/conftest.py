"""Shared by the tests of failures: a small experiment, and a child process without a new start."""

from __future__ import annotations

import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core import fault_injection
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.testing.toy_stages import install_toy_stages

Run = Callable[..., RunResult]


@pytest.fixture(scope="session")
def one(toy_file: Path) -> LoadedExperiment:
    """One training of 24 steps, a checkpoint after each of them, and predictions."""
    changes = ["name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    often = ["recipes.target.epochs=2", "recipes.target.checkpoint_minutes=1.0e-9"]
    return xstilts.load(str(toy_file), [*changes, *often])


@pytest.fixture(scope="session")
def unbroken(
    one: LoadedExperiment, tmp_path_factory: pytest.TempPathFactory, run_in_process: Run
) -> Store:
    """A store in which the experiment was run without failures; do not write to it."""
    folder = tmp_path_factory.mktemp("unbroken") / "store"
    assert run_in_process(one, folder).exit_code == 0
    return Store(folder)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Store], Store]:
    """Copies a store, to be written to."""
    return lambda store: Store(shutil.copytree(store.root, tmp_path / "copied"))


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the fault of this process and its children; no text: none."""

    def set_fault(text: str) -> None:
        monkeypatch.setattr(fault_injection, "_passes", Counter())
        monkeypatch.setenv("XSTILTS_FAULT", text)

    return set_fault


@pytest.fixture
def in_child() -> Callable[[Callable[[], object]], int]:
    """Calls a function in a forked process; returns its exit code, or minus a signal."""

    def call(function: Callable[[], object]) -> int:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                function()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return call


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the toy stages' logs; their package is installed for worker processes."""
    path = [str(install_toy_stages(tmp_path / "installed")), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "gate").touch()
    return folder
