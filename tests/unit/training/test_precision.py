"""bf16 training: matrix products are rounded, weights and optimizer stay in fp32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training.multitask_model import initialised
from xstilts.training.run import Run
from xstilts.training.train_task import TrainTask

RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=8, num_evals=1, checkpoint="last")


def losses(root: Path, precision: str) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Of five steps without dropout, and the weights after them."""
    features = [Feature(str(n), [0, 5 + n % 9, 9, 2], [0] * 4, n % 2) for n in range(32)]
    task = TrainTask("t", "classification", ("a", "b"), "accuracy", features, (), ())
    shape = {"t": HeadShape("classification", 2, 0.0, "mean")}
    model = initialised(Encoder(EncoderFiles(root), torch.arange(160)), shape, 0)
    for module in model.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    run = Run(model, [task], RECIPE.model_copy(update={"precision": precision}), 0, 1)
    found = [run.step(number) for number in range(5)]
    return found, {name: value.detach().clone() for name, value in model.named_parameters()}


def test_bf16_training_equals_fp32_within_rounding(root: Path) -> None:
    plain, exact = losses(root, "fp32")
    rounded, near = losses(root, "bf16")
    assert rounded == pytest.approx(plain, rel=2e-2)
    assert rounded != plain
    assert {value.dtype for value in near.values()} == {torch.float32}
    moved = [(exact[name] - near[name]).abs().max() for name in exact]
    assert 0 < max(moved) < 5 * RECIPE.learning_rate
