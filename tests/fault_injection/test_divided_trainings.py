"""Trainings over two processes: kills, requests to stop, and memory that ends in one of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import Artifact
from xstilts.core.device_errors import DEVICE_FAILED
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import Event, ignore_events
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.local import LocalExecutor
from xstilts.planning.compile import compile_experiment

pytestmark = pytest.mark.faults

STEPS = 24
"""Optimizer steps: 2 epochs of 96 examples in batches of 8."""
Run = Callable[..., tuple[RunResult, list[str]]]


@pytest.fixture(scope="module")
def one_training(toy_file: Path) -> LoadedExperiment:
    """One training with dropout, which saves a checkpoint after every step."""
    return xstilts.load(
        str(toy_file),
        [
            *("name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"),
            *("recipes.target.epochs=2", "recipes.target.checkpoint_minutes=1e-9"),
        ],
    )


def divided(loaded: LoadedExperiment, store: Path) -> tuple[RunResult, list[str]]:
    """Run on two devices; return the result and the notes that were shown."""
    notes: list[str] = []

    def listen(event: Event) -> None:
        if event.kind == "note":
            notes.append(event.facts["problem"])

    result = xstilts.run(
        loaded, store, workers=1, devices="cpu", devices_per_stage=2, on_event=listen
    )
    return result, notes


def trained(store: Path) -> Artifact:
    """The only training of a store."""
    opened = Store(store)
    artifacts = map(opened.artifact, opened.names("artifacts"))
    (found,) = (one for one in artifacts if one.manifest["stage"]["kind"] == "train")
    return found


@pytest.fixture(scope="module")
def uninterrupted(one_training: LoadedExperiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run on two devices without any fault."""
    store = tmp_path_factory.mktemp("uninterrupted") / "store"
    result, notes = divided(one_training, store)
    assert result.exit_code == 0, result.failed
    assert notes == []
    return store


@pytest.mark.parametrize(
    ("variable", "fault", "shown"),
    [
        ("XSTILTS_FAULT_RANK_1", "train.step:kill", "process 1 of this training has ended with"),
        ("XSTILTS_FAULT", "train.step:kill", "its process ended with SIGKILL"),
        ("XSTILTS_FAULT", "train.step:term", ""),
    ],
)
def test_a_divided_training_goes_on_to_the_bit_after_a_kill_or_a_request_to_stop(
    one_training: LoadedExperiment, uninterrupted: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, variable: str, fault: str, shown: str,
) -> None:  # fmt: skip
    """In the second attempt the fault does not come before the last step."""
    monkeypatch.setenv(variable, f"{fault}@{STEPS - 6}")
    result, notes = divided(one_training, tmp_path / "store")
    assert result.exit_code == 0, result.failed
    assert [shown in note for note in notes] == [True] * bool(shown)
    one, other = trained(uninterrupted), trained(tmp_path / "store")
    assert any("resumed from" in note for note in other.manifest["provenance"]["notes"])
    assert one.manifest["files"] == other.manifest["files"]  # sizes and digests
    assert not processes_of(tmp_path / "store")


def test_a_process_that_always_ends_fails_the_stage_with_its_name(
    one_training: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_FAULT_RANK_1", "train.step:kill")
    result, _ = divided(one_training, tmp_path / "store")
    (problem,) = result.failed.values()
    assert "process 1" in problem
    assert result.exit_code == 3
    assert not processes_of(tmp_path / "store")


def test_a_process_that_hangs_is_given_up_after_the_time_limit(
    one_training: LoadedExperiment, uninterrupted: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("XSTILTS_DDP_TIMEOUT", "40")
    monkeypatch.setenv("XSTILTS_FAULT_RANK_1", f"train.step:pause@{STEPS - 6}")
    result, notes = divided(one_training, tmp_path / "store")
    assert result.exit_code == 0, result.failed
    (note,) = notes
    assert "XSTILTS_DDP_TIMEOUT" in note
    one, other = trained(uninterrupted), trained(tmp_path / "store")
    assert one.manifest["files"] == other.manifest["files"]
    assert not processes_of(tmp_path / "store")


def test_memory_that_ends_in_one_process_halves_the_slices_of_all(
    one_training: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_FAULT_RANK_1", "train.forward:oom@5")
    result, notes = divided(one_training, tmp_path / "store")
    assert result.exit_code == 0, result.failed
    (note,) = notes
    assert "instead of" in note


def test_an_error_in_one_process_alone_is_shown_with_its_problem(
    one_training: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, which the others do not have."""
    monkeypatch.setenv("XSTILTS_FAULT_RANK_1", "train.step:full")
    result, _ = divided(one_training, tmp_path / "store")
    (problem,) = result.failed.values()
    assert "process 1" in problem
    assert "space" in problem
    assert not processes_of(tmp_path / "store")


def test_a_gpu_error_in_one_process_alone_is_its_node_s(
    one_training: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_FAULT_RANK_1", "train.step:gpu")
    shared = SubmissionFailures(tmp_path / "shared", "node1")
    shared.folder.mkdir()
    store = Store(tmp_path / "store").prepare()
    options = ExecutorOptions(workers=1, devices="cpu", devices_per_stage=2)
    executor = LocalExecutor(store, options, shared=shared)
    result = executor.run(compile_experiment(one_training).plan, ignore_events)
    (key,) = result.failed
    assert (shared.failure(key) or {})["device"] == DEVICE_FAILED
    assert SubmissionFailures(shared.folder, "node2").failure(key) is None
    assert not processes_of(store.root)


def processes_of(store: Path) -> list[str]:
    """The processes that have a store among their arguments."""
    found = subprocess.run(["pgrep", "-f", str(store)], capture_output=True, text=True)
    return found.stdout.split()
