"""A NaN loss in bf16 in a run: the stage is trained again in fp32, visibly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.run_states import RunState
from xstilts.config.load import LoadedExperiment
from xstilts.core import fault_injection
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store

RunHere = Callable[[LoadedExperiment, Path], Store]


def training(run_here: RunHere, loaded: LoadedExperiment, folder: Path) -> Artifact:
    """The artifact of the only training of an experiment."""
    store = run_here(loaded, folder)
    artifacts = [store.artifact(key) for key in store.keys()]  # noqa: SIM118
    (found,) = [one for one in artifacts if one.manifest["stage"]["kind"] == "train"]
    return found


def one_training(toy_file: Path, *changes: str) -> LoadedExperiment:
    targets = ["name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    return xstilts.load(str(toy_file), [*targets, *changes])


def test_weights_of_a_retry_are_the_bytes_of_an_fp32_training(
    toy_file: Path, tmp_path: Path, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = training(run_here, one_training(toy_file), tmp_path / "plain")
    monkeypatch.setenv("XSTILTS_FAULT", "train.loss:nan@5")
    monkeypatch.setattr(fault_injection, "_passes", fault_injection.Counter())
    bf16 = one_training(toy_file, "recipes.target.precision=bf16")
    retried = training(run_here, bf16, tmp_path / "retried")
    files = {name: one["sha256"] for name, one in plain.manifest["files"].items()}
    others = {name: one["sha256"] for name, one in retried.manifest["files"].items()}
    assert {name for name in files if files[name] != others[name]} == {"log.json"}
    log = json.loads((retried.path / "log.json").read_text())
    assert log["losses"] == json.loads((plain.path / "log.json").read_text())["losses"]
    assert len(log["first_attempt"]["losses"]) == 4
    assert log["events"] == [retried.facts["first_attempt"]]
    assert log["events"][0] in retried.manifest["provenance"]["notes"]
    results = xstilts.results(bf16, tmp_path / "retried")
    assert all(states == {RunState.FP32_RETRY} for states in results["states"])
