"""An interrupted run resumes to the same bytes; damaged checkpoints are detected."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.core.notices import notices_to
from xstilts.core.stopping import Stopped, request_checkpoint, request_stop, withdraw_requests
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training import run as training_run
from xstilts.training.checkpoint import Checkpoint, Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import initialised
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

RECIPE = Recipe(learning_rate=1e-2, epochs=2, batch_size=4, num_evals=4, checkpoint_minutes=1e-9)
STEPS = 10


@pytest.fixture(autouse=True)
def _no_requests() -> Iterator[None]:
    yield
    withdraw_requests()


def run(
    root: Path,
    checkpoints: Checkpoints,
    stop: int | None = None,
    at_step: Callable[[int], object] = lambda step: None,
    **changes: Any,
) -> Trained:
    features = [Feature(str(n), [0, 5 + n % 9, 9, 2], [0] * 4, n % 2) for n in range(20)]
    task = TrainTask(
        "t", "classification", ("a", "b"), "accuracy", features, features, ["a", "b"] * 10
    )
    shape = {"t": HeadShape("classification", 2, 0.1, "mean")}
    model = initialised(Encoder(EncoderFiles(root), torch.arange(160)), shape, 0)

    def halt(news: dict[str, Any]) -> None:
        at_step(news["step"])
        if stop is not None and news["step"] > stop:
            raise KeyboardInterrupt

    return train(model, [task], RECIPE.model_copy(update=changes), 0, 1, checkpoints, halt)


def same(one: Trained, other: Trained) -> None:
    assert (one.log, one.steps) == (other.log, other.steps)
    assert one.state.keys() == other.state.keys()
    for name in one.state:
        assert torch.equal(one.state[name], other.state[name]), name


@pytest.mark.parametrize("stop", [1, 4, 9, STEPS])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    root: Path, tmp_path: Path, stop: int
) -> None:
    whole = run(root, Checkpoints(tmp_path / "whole"))
    if stop == STEPS:
        run(root, Checkpoints(tmp_path / "parts"))
    else:
        with pytest.raises(KeyboardInterrupt):
            run(root, Checkpoints(tmp_path / "parts"), stop)
    resumed = run(root, Checkpoints(tmp_path / "parts"))
    assert resumed.notes == (f"resumed from step {stop}",)
    same(whole, resumed)


@pytest.mark.parametrize("stop", [1, 4, 9, STEPS])
def test_a_requested_stop_saves_its_step_and_resumes_to_the_same_bytes(
    root: Path, tmp_path: Path, stop: int
) -> None:
    whole = run(root, Checkpoints(tmp_path / "whole"), checkpoint_minutes=60)
    assert not (tmp_path / "whole").exists()
    parts = Checkpoints(tmp_path / "parts")
    with pytest.raises(Stopped):
        run(root, parts, None, lambda step: step == stop and request_stop(), checkpoint_minutes=60)
    withdraw_requests()
    resumed = run(root, parts, checkpoint_minutes=60)
    assert resumed.notes == (f"resumed from step {stop}",)
    same(whole, resumed)


def test_a_stop_without_time_for_a_checkpoint_saves_none(root: Path, tmp_path: Path) -> None:
    parts = Checkpoints(tmp_path / "parts")
    with pytest.raises(Stopped):
        run(root, parts, None, lambda step: step == 3 and request_stop(0), checkpoint_minutes=60)
    assert parts.newest() == (None, [])


def test_a_requested_checkpoint_is_saved_and_the_run_goes_on(root: Path, tmp_path: Path) -> None:
    parts = Checkpoints(tmp_path / "parts")
    run(root, parts, None, lambda step: step == 3 and request_checkpoint(), checkpoint_minutes=60)
    checkpoint, _ = parts.newest()
    assert checkpoint
    assert checkpoint.step == 3


def test_two_checkpoints_are_kept(root: Path, tmp_path: Path) -> None:
    run(root, Checkpoints(tmp_path))
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {f"step-{STEPS - 1}", f"step-{STEPS}"}


def test_no_run_resumes_from_a_checkpoint_of_another_precision(root: Path, tmp_path: Path) -> None:
    whole = run(root, Checkpoints(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        run(root, Checkpoints(tmp_path / "half"), stop=3, precision="bf16")
    found = run(root, Checkpoints(tmp_path / "half"))
    assert found.notes == ("restarted: the checkpoint was computed in bf16",)
    assert all(found.state[name].equal(value) for name, value in whole.state.items())


def test_a_restarted_run_resumes_from_its_own_checkpoints(root: Path, tmp_path: Path) -> None:
    parts = Checkpoints(tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        run(root, parts, stop=8, precision="bf16")
    with pytest.raises(KeyboardInterrupt):
        run(root, parts, stop=3)
    assert run(root, parts).notes == ("resumed from step 3",)


def test_checkpoints_that_killed_processes_left_half_written_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".staged.17").mkdir()
    (tmp_path / ".staged.17" / "state.safetensors").write_bytes(b"half")
    Checkpoints(tmp_path).save(Checkpoint(1, {"a": torch.ones(2)}, {}))
    assert [path.name for path in tmp_path.iterdir()] == ["step-1"]


def test_a_run_that_moves_to_another_device_names_both(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stop, capability in ((3, "AVX512"), (5, "AVX2")):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda name=capability: name)
        with pytest.raises(KeyboardInterrupt):
            run(root, Checkpoints(tmp_path), stop=stop)
    shown = list[str]()
    with notices_to(shown.append):
        moved, resumed = run(root, Checkpoints(tmp_path)).notes
    assert resumed == "resumed from step 5"
    before, after = (
        f"torch {torch.__version__} on a CPU with {name}" for name in ("AVX512", "AVX2")
    )
    assert moved == f"3 steps computed with {before}, further ones with {after}"
    assert shown == []  # by the run that moved


@pytest.mark.parametrize("damage", ["cut", "flip", "facts", "gone"])
def test_a_damaged_checkpoint_is_named_and_the_previous_one_used(
    root: Path, tmp_path: Path, damage: str
) -> None:
    whole = run(root, Checkpoints(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        run(root, Checkpoints(tmp_path / "parts"), 6)
    newest = tmp_path / "parts" / "step-6"
    tensors = newest / "state.safetensors"
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-100])
    elif damage == "flip":
        data = bytearray(tensors.read_bytes())
        data[-10] ^= 1
        tensors.write_bytes(data)
    elif damage == "facts":
        text = (newest / "state.json").read_text()
        (newest / "state.json").write_text(text.replace('"best_step": ', '"best_step": 1'))
    else:
        tensors.unlink()
    shown = list[str]()
    with notices_to(shown.append):
        resumed = run(root, Checkpoints(tmp_path / "parts"))
    assert "step-6 is damaged" in resumed.notes[0]
    assert shown == [resumed.notes[0]]
    assert resumed.notes[1] == "resumed from step 5"
    same(whole, resumed)


def test_without_a_valid_checkpoint_training_restarts(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest() == (None, [])
    checkpoints.save(Checkpoint(1, {"a": torch.ones(2)}, {}))
    shutil.rmtree(tmp_path / "step-1")
    (tmp_path / "step-1").mkdir()
    found, complaints = checkpoints.newest()
    assert found is None
    assert "step-1 is damaged" in complaints[0]


def test_patience_stops_early_and_keeps_the_best_checkpoint(root: Path, tmp_path: Path) -> None:
    found = run(root, Checkpoints(tmp_path), learning_rate=1e-9, patience=1, epochs=4)
    assert found.log.events == ["stopped early at step 10"]
    assert found.log.best_step == 5
    assert found.steps == 10


def test_a_nan_loss_ends_the_run_as_diverged(root: Path, tmp_path: Path) -> None:
    found = run(root, Checkpoints(tmp_path), learning_rate=1e30, warmup_ratio=0)
    assert found.diverged
    assert "not finite at step" in found.diverged
    assert found.state == {}


def test_constant_dev_predictions_are_marked_as_collapsed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "predict", lambda *_, **__: ["a"] * 20)
    assert run(root, Checkpoints(tmp_path)).log.collapsed == ["t"]
