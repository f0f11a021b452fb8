"""R3: a mixture of three tasks resumes from any of its steps to the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.tiny import write_encoder
from xstilts.training.checkpoint import Checkpoint, Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import initialised
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

STEPS = 60
RECIPE = Recipe(learning_rate=1e-2, max_steps=STEPS, epochs=9, batch_size=4, num_evals=4)
TASKS = {"first": 30, "second": 50, "third": 70}


class InMemory(Checkpoints):
    """Keeps every checkpoint, and starts from a given one."""

    def __init__(self, first: Checkpoint | None = None) -> None:
        super().__init__(Path("nowhere"))
        object.__setattr__(self, "saved", [])
        object.__setattr__(self, "first", first)

    saved: list[Checkpoint]
    first: Checkpoint | None

    def save(self, checkpoint: Checkpoint) -> None:
        tensors = {name: value.clone() for name, value in checkpoint.tensors.items()}
        self.saved.append(Checkpoint(checkpoint.step, tensors, checkpoint.facts))

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        return self.first, []


@pytest.fixture(scope="module")
def train_from(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Trains from a checkpoint; returns the result and the checkpoints of all further steps."""
    folder = tmp_path_factory.mktemp("encoder")
    import_encoder(write_encoder(folder / "hf"), folder)
    tasks, shapes = [], {}
    for number, (name, size) in enumerate(TASKS.items()):
        rows = [
            Feature(str(row), [0, 5 + (row + number) % 9, 9, 2], [0] * 4, row % 2)
            for row in range(size)
        ]
        gold = ["ab"[row % 2] for row in range(12)]
        kind = "classification"
        tasks.append(TrainTask(name, kind, ("a", "b"), "accuracy", rows, rows[:12], gold))
        shapes[name] = HeadShape(kind, 2, 0.1, "mean")
    recipe = RECIPE.model_copy(update={"checkpoint_minutes": 1e-12})

    def run(first: Checkpoint | None = None) -> tuple[Trained, list[Checkpoint]]:
        model = initialised(Encoder(EncoderFiles(folder), torch.arange(160)), shapes, 0)
        checkpoints = InMemory(first)
        result = train(model, tasks, recipe, 0, 1, checkpoints, lambda _: None)
        return result, checkpoints.saved

    return run


def check_resumed_from(train_from: Callable[..., Any], steps: range) -> None:
    """Resume from checkpoints of the unbroken run: weights, optimizer and log end the same."""
    expected, saved = train_from()
    assert [checkpoint.step for checkpoint in saved] == list(range(1, STEPS + 1))
    assert len({len(expected.log.losses), STEPS}) == 1
    assert any(name.startswith("optimizer.") for name in saved[-1].tensors)
    for step in steps:
        result, further = train_from(saved[step - 1])
        assert result.notes == (f"resumed from step {step}",)
        assert (result.log, result.steps) == (expected.log, STEPS)
        assert same(result.state, expected.state), step
        if step < STEPS:
            assert same(further[-1].tensors, saved[-1].tensors), step
            assert len(further) == STEPS - step


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_mixture_resumes_from_some_steps(train_from: Callable[..., Any]) -> None:
    check_resumed_from(train_from, range(45, STEPS, 10))


@pytest.mark.faults
def test_a_mixture_resumes_from_every_step(train_from: Callable[..., Any]) -> None:
    check_resumed_from(train_from, range(1, STEPS + 1))
