"""R20: numbers that are not finite end a training at once, visibly; in bf16 it is repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.run_states import RunState, has_state
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core import fault_injection
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.executors.base import RunResult

Inject = Callable[[str], None]
RunHere = Callable[[LoadedExperiment, Path], Store]


def training(run_here: RunHere, loaded: LoadedExperiment, folder: Path) -> Artifact:
    """The artifact of the only training of an experiment."""
    store = run_here(loaded, folder)
    artifacts = [store.artifact(key) for key in store.keys()]  # noqa: SIM118
    (found,) = [one for one in artifacts if one.manifest["stage"]["kind"] == "train"]
    return found


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_not_finite_ends_the_training_at_its_step(
    value: str, one: LoadedExperiment, tmp_path: Path, inject: Inject,
    run_in_process: Callable[..., RunResult],
) -> None:  # fmt: skip
    inject(f"train.loss:{value}@17")
    outcome = run_in_process(one, tmp_path)
    assert (outcome.exit_code, outcome.failed) == (0, {})
    store = Store(tmp_path)
    artifacts = [store.artifact(key) for key in store.keys()]  # noqa: SIM118
    (found,) = [artifact for artifact in artifacts if "diverged" in artifact.facts]
    log = json.loads((found.path / "log.json").read_text())
    assert len(log["losses"]) == 16  # step 17 changed no weight
    assert not list(found.path.glob("*.safetensors"))
    check_shown_as_diverged(one, tmp_path)
    inject("")
    assert run_in_process(one, tmp_path).done == []


@pytest.mark.parametrize("rate", ["1e3", "1e30"])
def test_a_rate_that_is_far_too_high_gives_no_score_that_looks_like_one(
    rate: str, toy_file: Path, tmp_path: Path, run_in_process: Callable[..., RunResult]
) -> None:
    high = [f"recipes.target.learning_rate={rate}", "recipes.target.warmup_ratio=0"]
    loaded = one_training(toy_file, *high)
    assert run_in_process(loaded, tmp_path).exit_code == 0
    frame = xstilts.results(loaded, tmp_path)
    states = set[RunState]().union(*frame["states"])
    assert states & {RunState.DIVERGED, RunState.COLLAPSED}
    if RunState.DIVERGED in states:
        check_shown_as_diverged(loaded, tmp_path)


def check_shown_as_diverged(loaded: LoadedExperiment, store: Path) -> None:
    """No score in the results; the word in every table."""
    frame = xstilts.results(loaded, store)
    assert has_state(frame, RunState.DIVERGED).all()
    assert frame["value"].isna().all()
    arguments = ["results", "--store", str(store), "--format", "md"]
    assert "diverged" in CliRunner().invoke(app, arguments).output
    page = xstilts.report(loaded, store / "page.html", store).read_text(encoding="utf-8")
    assert "diverged" in page


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
