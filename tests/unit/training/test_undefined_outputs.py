"""Outputs that are NaN or infinity become no predictions; minus infinity excludes a choice."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from xstilts.config.recipe import Recipe
from xstilts.core.stopping import withdraw_requests
from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.stages.predict_tuned import _predict
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import UndefinedOutputs, answered, predict
from xstilts.training.train_task import TrainTask

PAD, LABELS, READING = 1, ("a", "b", "c"), TokenizationConfig()
KINDS = ("classification", "regression", "tagging", "span", "multiple_choice", "masked_lm")


def features(kind: str) -> list[Feature]:
    """Six examples of a format."""
    target: dict[str, Any] = {
        "regression": 1.0,
        "tagging": [-100, 0, 1, -100],
        "span": [1, 2],
        "masked_lm": [-100, 9, -100, -100],
    }
    offsets = ((-1, -1), (0, 1), (1, 2), (-1, -1))
    made = [
        Feature(
            *(str(n), [0, 5 + n, 9, 2], [0] * 4, target.get(kind, n % 3)),
            words=(1, 2),
            offsets=offsets,
            context="ab",
        )
        for n in range(6)
    ]
    if kind == "multiple_choice":
        return [Feature(one.id, one.ids, one.types, 0, extra_texts=(one, one)) for one in made]
    return made


def with_output(root: Path, kind: str, value: float) -> MultiTaskModel:
    """A model with one output, the last, that has a value for every example."""
    shape = HeadShape(kind, 160 if kind == "masked_lm" else len(LABELS), 0.0, "mean")
    made = initialised(Encoder(EncoderFiles(root), torch.arange(160)), {"t": shape}, 0)
    with torch.no_grad():
        made.heads["t"].get_parameter("bias" if kind == "masked_lm" else "out.bias")[-1] = value
    return made


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_with_an_output_that_is_no_number_predicts_nothing(
    root: Path, kind: str, value: float
) -> None:
    assert (
        len(predict(with_output(root, kind, 0.0), "t", kind, features(kind), LABELS, PAD, READING))
        == 6
    )
    with pytest.raises(UndefinedOutputs, match="for t "):
        predict(with_output(root, kind, value), "t", kind, features(kind), LABELS, PAD, READING)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("kind", ["classification", "tagging", "span", "multiple_choice"])
def test_answers_of_a_model_with_an_output_that_is_no_number_have_no_probability(
    root: Path, kind: str, value: float
) -> None:
    given = features(kind)
    assert gold_probabilities(with_output(root, kind, 0.0), "t", kind, given, PAD).correct.size == 6
    with pytest.raises(UndefinedOutputs, match="for t "):
        gold_probabilities(with_output(root, kind, value), "t", kind, given, PAD)


def test_minus_infinity_excludes_a_choice(root: Path) -> None:
    made = with_output(root, "classification", -math.inf)
    given = predict(made, "t", "classification", features("classification"), LABELS, PAD, READING)
    assert set(given) <= {"a", "b"}


def test_outputs_at_places_that_are_not_read_may_be_anything() -> None:
    training, chosen = training_of("tagging"), features("tagging")[:1]
    logits = torch.full((1, 4, 3), math.nan)
    logits[0, 1:3] = torch.tensor([0.0, 5.0, -1.0])
    read = training.positions(chosen, 4)
    (numbers,) = answered(training.answers, logits, read, chosen, LABELS, READING)
    assert numbers is not None
    logits[0, 2, 2] = math.nan
    assert answered(training.answers, logits, read, chosen, LABELS, READING) == [None]


class Fixed(nn.Module):
    """A model from elsewhere with the same logits for every text."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, ids: Tensor, _mask: Tensor, _types: Tensor) -> Tensor:
        return self.logits.repeat(len(ids), 1)


def test_a_model_from_elsewhere_too_predicts_nothing() -> None:
    def predicted(logits: list[float]) -> Any:
        chosen: Any = (Fixed(logits), "t", "classification", features("classification"), LABELS)
        return _predict(*chosen, PAD, READING)

    assert [one.prediction for one in predicted([0.0, 5.0, -math.inf])] == ["b"] * 6
    for logits in ([0.0, 5.0, math.nan], [math.nan] * 3):
        with pytest.raises(UndefinedOutputs, match="for t "):
            predicted(logits)


class TwoProcesses:
    """A group of two threads that exchange what they gather."""

    size = 2

    def __init__(self) -> None:
        self.barrier, self.values = threading.Barrier(2, timeout=60), [None, None]

    def of(self, rank: int) -> Any:
        def gather(value: Any) -> list[Any]:
            self.values[rank] = value
            self.barrier.wait()
            return list(self.values)

        return SimpleNamespace(rank=rank, size=2, gather=gather)


def test_every_process_of_a_group_learns_of_it(root: Path) -> None:
    kind, group = "classification", TwoProcesses()
    made = [with_output(root, kind, value) for value in (0.0, math.nan)]

    def predicted(rank: int) -> Any:
        arguments: Any = (made[rank], "t", kind, features(kind), LABELS, PAD, READING, 4)
        return predict(*arguments, group=group.of(rank))

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(predicted, rank) for rank in (0, 1)]
    assert [type(future.exception()) for future in futures] == [UndefinedOutputs] * 2


@pytest.mark.parametrize(
    ("kind", "metric"), [("classification", "accuracy"), ("regression", "pearson")]
)
def test_a_training_whose_dev_outputs_are_no_numbers_has_diverged(
    root: Path, tmp_path: Path, kind: str, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, given = with_output(root, kind, 0.0), features(kind)
    gold: list[Any] = [float(n) if kind == "regression" else LABELS[n % 3] for n in range(6)]
    task = TrainTask("t", kind, LABELS, metric, given, given, gold)
    recipe = Recipe(learning_rate=1e-3, epochs=2, batch_size=3, num_evals=2)

    def spoil(news: dict[str, Any]) -> None:
        if news["step"] == 2:
            with torch.no_grad():
                made.heads["t"].get_parameter("out.bias").fill_(math.nan)

    found = train(made, [task], recipe, 0, PAD, Checkpoints(tmp_path), spoil)
    withdraw_requests()
    assert found.diverged
    assert "output on dev of t" in found.diverged
    assert found.steps == 2
    assert found.state == {}
