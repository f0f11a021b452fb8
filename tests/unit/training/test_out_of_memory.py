"""Out of memory in a step: smaller slices of the same batch, with a defined result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.core.cpu import set_core_limit
from xstilts.core.notices import notices_to
from xstilts.core.out_of_memory import OutOfMemory
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.fast_dropout import Dropout
from xstilts.training.batch_loss import BatchLoss
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import initialised
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

RECIPE = Recipe(learning_rate=1e-2, epochs=2, batch_size=4, num_evals=4, checkpoint_minutes=1e-9)
CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
CPU = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

Fits = Callable[[int, int], bool]
"""(step, examples of a slice) → whether the slice fits into memory."""


def limit_memory(
    monkeypatch: pytest.MonkeyPatch, fits: Fits, where: str = "forward", error: Exception = CUDA
) -> None:
    """Let slices that do not fit raise an error, after their forward or in their backward pass."""
    loss, step, current = BatchLoss.of_rows, Run.step, [0]

    def fail(_: Any) -> None:
        raise error

    def limited_loss(batch: BatchLoss, rows: Sequence[int]) -> Any:
        value = loss(batch, rows)
        if not fits(current[0], len(rows)):
            value.register_hook(fail) if where == "backward" else fail(None)
        return value

    def counted_step(run: Run, number: int) -> float:
        current[0] = number
        return step(run, number)

    monkeypatch.setattr(BatchLoss, "of_rows", limited_loss)
    monkeypatch.setattr(Run, "step", counted_step)


def trained(
    root: Path,
    folder: Path,
    *,
    stop: int | None = None,
    dropout: bool = True,
    words: int = 2,
    **changes: Any,
) -> Trained:
    length = words + 2
    features = [
        Feature(str(n), [0, *[5 + n % 9] * words, 2], [0] * length, n % 2) for n in range(20)
    ]
    gold = ["a", "b"] * 10
    task = TrainTask("t", "classification", ("a", "b"), "accuracy", features, features, gold)
    shape = {"t": HeadShape("classification", 2, 0.1, "mean")}
    model = initialised(Encoder(EncoderFiles(root), torch.arange(160)), shape, 0)
    for module in model.modules():
        if isinstance(module, Dropout) and not dropout:
            module.p = 0.0

    def halt(news: dict[str, Any]) -> None:
        if stop is not None and news["step"] > stop:
            raise KeyboardInterrupt

    recipe = RECIPE.model_copy(update=changes)
    return train(model, [task], recipe, 0, 1, Checkpoints(folder), halt)


def same_weights(one: Trained, other: Trained) -> None:
    assert one.log.losses == other.log.losses
    assert one.state.keys() == other.state.keys()
    for name in one.state:
        assert torch.equal(one.state[name], other.state[name]), name


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("error", [CUDA, CPU, MemoryError()])
def test_halved_slices_equal_twice_the_accumulation_steps_to_the_bit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    expected = trained(root, tmp_path / "expected", gradient_accumulation_steps=2)
    limit_memory(monkeypatch, lambda _, examples: examples <= 2, where, error)
    halved = trained(root, tmp_path / "halved")
    same_weights(halved, expected)
    assert len(halved.log.halved_slices) == 1


def test_slices_are_halved_until_they_fit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(root, tmp_path / "expected", gradient_accumulation_steps=4)
    limit_memory(monkeypatch, lambda _, examples: examples <= 1)
    notices: list[str] = []
    with notices_to(notices.append):
        halved = trained(root, tmp_path / "halved")
    same_weights(halved, expected)
    assert notices == halved.log.halved_slices
    assert ["step 1:" in text for text in notices] == [True, True]
    assert "slices of 2 examples instead of 4" in notices[0]
    assert "slices of 1 examples instead of 2" in notices[1]


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_without_dropout_halved_slices_change_only_the_order_of_additions(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    plain = trained(root, tmp_path / "plain", dropout=False)
    limit_memory(monkeypatch, lambda step, examples: step < 3 or examples <= 2, where)
    halved = trained(root, tmp_path / "halved", dropout=False)
    assert "step 4:" in halved.log.halved_slices[0]
    assert halved.log.losses[:3] == plain.log.losses[:3]
    assert halved.log.losses == pytest.approx(plain.log.losses, abs=1e-5)
    assert halved.log.dev_scores == plain.log.dev_scores
    for name, value in plain.state.items():
        torch.testing.assert_close(halved.state[name], value, rtol=1e-3, atol=1e-4)


def test_steps_before_the_first_lack_of_memory_are_unchanged(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = trained(root, tmp_path / "plain")
    limit_memory(monkeypatch, lambda step, examples: step < 5 or examples <= 2)
    halved = trained(root, tmp_path / "halved")
    assert halved.log.losses[:5] == plain.log.losses[:5]
    assert halved.log.losses[5:] != plain.log.losses[5:]  # other dropout masks


def test_a_resumed_run_keeps_its_slices(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as limited:
        limit_memory(limited, lambda step, examples: step != 3 or examples <= 2)
        expected = trained(root, tmp_path / "expected")
        with pytest.raises(KeyboardInterrupt):
            trained(root, tmp_path / "parts", stop=6)
    resumed = trained(root, tmp_path / "parts")  # with enough memory
    same_weights(resumed, expected)
    assert resumed.notes == (*expected.log.halved_slices, "resumed from step 6")


def test_an_example_that_does_not_fit_is_an_error_with_advice(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_memory(monkeypatch, lambda *_: False)
    with pytest.raises(OutOfMemory) as error:
        trained(root, tmp_path)
    assert "one training example" in error.value.what
    assert error.value.todo is not None
    assert all(name in error.value.todo for name in ("max_length", "gradient_checkpointing"))


def test_other_errors_of_a_step_are_not_retried(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_memory(monkeypatch, lambda *_: False, error=RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        trained(root, tmp_path)


def test_shards_on_several_cores_are_halved_too(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long: dict[str, Any] = {"words": 120, "batch_size": 16, "epochs": 1, "num_evals": 1}
    expected = trained(root, tmp_path / "expected", gradient_accumulation_steps=4, **long)
    limit_memory(monkeypatch, lambda _, examples: examples <= 4)
    set_core_limit(2)
    halved = trained(root, tmp_path / "halved", **long)
    same_weights(halved, expected)
    assert halved.log.halved_slices
