"""A training that diverges in bf16 is repeated in fp32: bit for bit a plain fp32 training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.core.notices import notices_to
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training.batch_loss import BatchLoss
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision_retry import FILE, FirstAttempt, train_with_retry
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

RECIPE = Recipe(learning_rate=1e-2, epochs=2, batch_size=4, num_evals=4, checkpoint_minutes=1e-9)
BF16 = {"precision": "bf16"}
STEPS = 10


def diverge(
    monkeypatch: pytest.MonkeyPatch, *precisions: str, at: int, gradient: bool = False
) -> None:
    """Make the loss of a step NaN, or its gradient alone, in some precisions."""
    loss, step, current = BatchLoss.of_rows, Run.step, [0]

    def counted_step(run: Run, number: int) -> float:
        current[0] = number
        return step(run, number)

    def broken(batch: BatchLoss, rows: Sequence[int]) -> Any:
        value = loss(batch, rows)
        if batch.precision not in precisions or current[0] != at:
            return value
        if gradient:
            value.register_hook(lambda grad: grad * torch.nan)
            return value
        return value * torch.nan

    monkeypatch.setattr(Run, "step", counted_step)
    monkeypatch.setattr(BatchLoss, "of_rows", broken)


def trained(
    root: Path, checkpoints: Checkpoints, stop: tuple[str, int] | None = None, **changes: Any
) -> tuple[Trained, FirstAttempt | None]:
    """Train with retry; `stop`: (precision, step) after which the process is interrupted."""
    features = [Feature(str(n), [0, 5 + n % 9, 9, 2], [0] * 4, n % 2) for n in range(20)]
    gold = ["a", "b"] * 10
    task = TrainTask("t", "classification", ("a", "b"), "accuracy", features, features, gold)
    shape = {"t": HeadShape("classification", 2, 0.1, "mean")}

    def attempt(recipe: Recipe) -> tuple[Trained, MultiTaskModel]:
        def halt(news: dict[str, Any]) -> None:
            if stop and recipe.precision == stop[0] and news["step"] > stop[1]:
                raise KeyboardInterrupt

        model = initialised(Encoder(EncoderFiles(root), torch.arange(160)), shape, 0)
        return train(model, [task], recipe, 0, 1, checkpoints, halt), model

    recipe = RECIPE.model_copy(update=changes)
    result, _, first = train_with_retry(attempt, recipe, checkpoints)
    return result, first


def same_result(one: Trained, other: Trained) -> None:
    assert (one.log.losses, one.log.dev_scores) == (other.log.losses, other.log.dev_scores)
    assert one.steps == other.steps
    for name, value in other.state.items():
        assert torch.equal(one.state[name], value), name


@pytest.mark.parametrize("gradient", [False, True])
def test_the_retry_equals_a_plain_fp32_training_to_the_bit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gradient: bool
) -> None:
    plain, _ = trained(root, Checkpoints(tmp_path / "plain"), precision="fp32")
    diverge(monkeypatch, "bf16", at=6, gradient=gradient)
    notices: list[str] = []
    with notices_to(notices.append):
        retried, first = trained(root, Checkpoints(tmp_path / "retried"), **BF16)
    same_result(retried, plain)
    assert retried.diverged is None
    assert retried.log.precision == "fp32"
    assert first is not None
    assert (len(first.losses), len(first.dev)) == (6, 2)
    assert notices == [first.text] == retried.log.events
    assert "step 6 in bf16" in first.text


def test_a_training_that_does_not_diverge_is_not_repeated(root: Path, tmp_path: Path) -> None:
    result, first = trained(root, Checkpoints(tmp_path), **BF16)
    assert first is None
    assert (result.log.precision, result.log.events) == ("bf16", [])


def test_nan_retry_none_leaves_the_run_diverged(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverge(monkeypatch, "bf16", at=6)
    result, first = trained(root, Checkpoints(tmp_path), nan_retry="none", **BF16)
    assert first is None
    assert result.diverged is not None
    assert result.steps == 6


def test_fp32_is_never_repeated(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverge(monkeypatch, "fp32", at=2)
    result, first = trained(root, Checkpoints(tmp_path), precision="fp32")
    assert (first, result.steps) == (None, 2)
    assert result.diverged is not None


def test_a_run_that_diverges_in_fp32_too_has_diverged(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverge(monkeypatch, "bf16", "fp32", at=3)
    result, first = trained(root, Checkpoints(tmp_path), **BF16)
    assert first is not None
    assert result.diverged is not None
    assert all(name in result.diverged for name in ("bf16", "fp32"))
    assert result.state == {}


@pytest.mark.parametrize("stop", [("bf16", 4), ("fp32", 3), ("fp32", 8)])
def test_an_interrupted_retry_resumes_in_its_precision(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: tuple[str, int]
) -> None:
    plain, _ = trained(root, Checkpoints(tmp_path / "plain"), precision="fp32")
    diverge(monkeypatch, "bf16", at=6)
    checkpoints = Checkpoints(tmp_path / "parts", "key")
    with pytest.raises(KeyboardInterrupt):
        trained(root, checkpoints, stop, **BF16)
    resumed, first = trained(root, checkpoints, **BF16)
    same_result(resumed, plain)
    assert first is not None
    if stop[0] == "fp32":
        assert resumed.notes == (first.text, f"resumed from step {stop[1]}")


@pytest.mark.parametrize("damage", ["", "[]", '{"key": "key", "attempt": {}, "self": "0"}'])
def test_a_damaged_record_of_the_first_attempt_is_not_believed(
    root: Path, tmp_path: Path, damage: str
) -> None:
    (tmp_path / FILE).write_text(damage)
    result, first = trained(root, Checkpoints(tmp_path, "key"), **BF16)
    assert first is None
    assert result.log.precision == "bf16"


def test_the_default_policy_is_not_part_of_keys_and_none_is() -> None:
    assert "nan_retry" not in Recipe().key_params()
    assert Recipe(nan_retry="none").key_params()["nan_retry"] == "none"
    assert Recipe.from_key_params(Recipe(nan_retry="none").key_params()).nan_retry == "none"
