"""Early stopping: evaluations without improvement are counted, and the best model is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training import dev_score
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import initialised
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

ROWS = 14
"""With batches of 2, an epoch has seven steps, each followed by an evaluation."""


class PlannedScores:
    """A metric whose values are given, one per evaluation."""

    lowest = 0.0

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores: Iterator[float] = iter(scores)

    def get(self, _: str) -> PlannedScores:
        return self

    def statistics(self, *_: Any) -> Any:
        return np.zeros((1, 1))

    def value(self, _: Any) -> float:
        return next(self.scores)


@pytest.fixture
def trained(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains with seven evaluations, which have the given scores, and a patience."""
    features = [Feature(str(n), [0, 5 + n, 2], [0, 0, 0], n % 2) for n in range(ROWS)]
    gold = ["ab"[feature.target] for feature in features]
    task = TrainTask("t", "classification", ("a", "b"), "accuracy", features, features, gold)

    def run(scores: Sequence[float], patience: int | None, checkpoint: str = "best") -> Trained:
        monkeypatch.setattr(dev_score, "METRICS", PlannedScores(scores))
        shape = {"t": HeadShape("classification", 2, 0.0, "mean")}
        model = initialised(Encoder(EncoderFiles(root), torch.arange(60)), shape, 1)
        recipe = Recipe(
            epochs=1, batch_size=2, num_evals=7, patience=patience, checkpoint=checkpoint
        )
        return train(model, [task], recipe, 0, 1, Checkpoints(tmp_path), lambda _: None)

    return run


def test_training_stops_after_so_many_evaluations_without_improvement(trained: Any) -> None:
    found = trained([0.2, 0.5, 0.4, 0.6, 0.5, 0.59, 0.9], patience=2)
    assert (found.steps, found.log.best_step, found.log.best_score) == (6, 4, 0.6)
    assert "stopped early at step 6" in found.log.events


def test_an_equal_score_is_no_improvement(trained: Any) -> None:
    found = trained([0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9], patience=2)
    assert (found.steps, found.log.best_step) == (3, 1)


def test_an_improvement_resets_the_count(trained: Any) -> None:
    found = trained([0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.8], patience=2)
    assert (found.steps, found.log.best_step) == (7, 7)
    assert not any("early" in event for event in found.log.events)


def test_without_patience_every_evaluation_is_done(trained: Any) -> None:
    found = trained([0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], patience=None)
    assert (found.steps, found.log.best_step) == (7, 1)
    assert len(found.log.dev_steps) == 7


def test_a_run_that_scores_zero_throughout_stops_too(trained: Any) -> None:
    assert trained([0.0] * 7, patience=2).steps == 3


def test_the_last_checkpoint_is_never_stopped_early(trained: Any) -> None:
    assert trained([0.9] + [0.1] * 6, patience=1, checkpoint="last").steps == 7
