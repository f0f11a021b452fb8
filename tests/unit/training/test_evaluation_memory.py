"""Out of memory in evaluation: batches are read in parts, with the same predictions and vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xstilts.core.cpu import set_core_limit
from xstilts.core.notices import notices_to
from xstilts.core.out_of_memory import OutOfMemory
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import embed, predict

FEATURES = [
    Feature(str(n), [0, *[5 + n % 9] * (1 + n % 5), 2], [0] * (3 + n % 5), n % 2) for n in range(40)
]


@pytest.fixture
def model(root: Path) -> MultiTaskModel:
    shape = {"t": HeadShape("classification", 2, 0.1, "mean")}
    return initialised(Encoder(EncoderFiles(root), torch.arange(160)), shape, 0)


def predictions(model: MultiTaskModel) -> Any:
    return predict(model, "t", "classification", FEATURES, ("a", "b"), 1, TokenizationConfig())


def vectors(model: MultiTaskModel) -> Any:
    return embed(model.encoder.eval(), FEATURES, 1, [(2, "mean")])[2, "mean"]


def gold_bits(model: MultiTaskModel) -> Any:
    return gold_probabilities(model, "t", "classification", FEATURES, 1).bits


def limit_memory(monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    """Let the encoder raise an error for more texts than that."""
    inputs = Encoder._inputs

    def limited(encoder: Encoder, ids: torch.Tensor, types: torch.Tensor) -> Any:
        if len(ids) > examples:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return inputs(encoder, ids, types)

    monkeypatch.setattr(Encoder, "_inputs", limited)


@pytest.mark.parametrize("evaluate", [predictions, vectors, gold_bits])
@pytest.mark.parametrize("cores", [1, 2])
def test_batches_read_in_parts_give_the_same_results(
    model: MultiTaskModel,
    monkeypatch: pytest.MonkeyPatch,
    evaluate: Callable[[MultiTaskModel], Any],
    cores: int,
) -> None:
    expected = evaluate(model)
    limit_memory(monkeypatch, 3)
    set_core_limit(cores)
    notices: list[str] = []
    with notices_to(notices.append):
        actual = evaluate(model)
    if evaluate is predictions:
        assert actual == expected
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    assert notices
    assert len(set(notices)) == len(notices)


def test_an_example_that_cannot_be_read_is_an_error(
    model: MultiTaskModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_memory(monkeypatch, 0)
    with pytest.raises(OutOfMemory, match="one example"), notices_to(lambda _: None):
        predictions(model)
