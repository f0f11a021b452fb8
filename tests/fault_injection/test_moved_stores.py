"""R8: a store on another path, of another host, or under another clock is the same store."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import StageState
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment
from xstilts.testing.equal_artifacts import check_equal_artifacts

Run = Callable[..., RunResult]
HOUR = 3600


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the system's clock by some seconds, for this process."""
    real = time.time

    def shift(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return shift


def test_a_store_on_another_path_is_finished(
    small: LoadedExperiment, copied: Path, run_in_process: Run
) -> None:
    before = xstilts.results(small, copied)
    moved = copied.parent / "other disk" / "välkommen"
    moved.parent.mkdir()
    shutil.move(copied, moved)
    assert xstilts.plan(small, moved).todo == []
    assert run_in_process(small, moved).done == []
    assert xstilts.results(small, moved).equals(before)


def test_an_experiment_in_another_folder_has_the_same_keys(
    toy_file: Path, small: LoadedExperiment, tmp_path: Path
) -> None:
    shutil.copytree(toy_file.parent, tmp_path / "elsewhere")
    overrides = ["name=small", "seeds=[0]", "intermediate=[none, toy-same]"]
    loaded = xstilts.load(
        str(tmp_path / "elsewhere" / toy_file.name), [*overrides, "targets=[toy-kind, toy-search]"]
    )
    one, other = (compile_experiment(each).plan.by_key.keys() for each in (small, loaded))
    assert one == other


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_in_a_run_changes_nothing(
    hours: int, one: LoadedExperiment, unbroken: Store, tmp_path: Path,
    jump: Callable[[float], None], run_in_process: Run,
) -> None:  # fmt: skip
    store = Store(tmp_path / "store").prepare()
    stages = compile_experiment(one).plan.stages
    for stage in stages[: len(stages) // 2]:
        with store.leases.hold(stage.key):
            execute_stage(store, stage, lambda _: jump(hours * HOUR))
    jump(hours * HOUR)
    assert len(run_in_process(one, store.root).done) == len(stages) - len(stages) // 2
    check_equal_artifacts(store, unbroken)
    jump(-hours * HOUR)
    assert run_in_process(one, store.root).done == []
    assert xstilts.results(one, store.root).equals(xstilts.results(one, unbroken.root))


@pytest.mark.parametrize("hours", [1, -1000])
def test_files_with_other_times_are_the_same_files(
    hours: int, small: LoadedExperiment, copied: Path, run_in_process: Run
) -> None:
    for path in copied.rglob("*"):
        when = path.stat().st_mtime + hours * HOUR
        os.utime(path, (when, when))
    statuses = xstilts.plan(small, copied).statuses.values()
    assert {status.state for status in statuses} == {StageState.DONE}
    assert run_in_process(small, copied).done == []


def test_another_host_name_changes_no_key_and_resumes(
    one: LoadedExperiment, unbroken: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    inject: Callable[[str], None], in_child: Callable[[Callable[[], object]], int],
    run_in_process: Run,
) -> None:  # fmt: skip
    inject("train.step:kill@9")
    assert in_child(lambda: run_in_process(one, tmp_path)) < 0
    inject("")
    monkeypatch.setattr(socket, "gethostname", lambda: "another-host")
    assert run_in_process(one, tmp_path).exit_code == 0
    store = Store(tmp_path)
    check_equal_artifacts(store, unbroken)
    notes = [
        store.artifact(key).manifest["provenance"]["notes"] for key in store.names("artifacts")
    ]
    assert ["resumed from step 8"] in notes
