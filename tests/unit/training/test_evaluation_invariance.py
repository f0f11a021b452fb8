"""R11, R12: logits depend on no batch, order or number of cores; every example is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from xstilts.core.cpu import set_core_limit
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training import predict as predict_module
from xstilts.training.batching import Batch
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import predict, read_batches

LENGTHS = (3, 9, 30)
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def model(root: Path) -> MultiTaskModel:
    shapes = {"t": HeadShape("classification", 3, 0.1, "mean")}
    return initialised(Encoder(EncoderFiles(root), torch.arange(160)), shapes, 0).eval()


def features_of(count: int) -> list[Feature]:
    draw = np.random.default_rng(count)
    return [
        Feature(str(number), [0, *draw.integers(5, 160, length).tolist(), 2], [0] * (length + 2), 0)
        for number, length in enumerate(draw.choice(LENGTHS, count).tolist())
    ]


def logits_by_id(
    model: MultiTaskModel, features: Sequence[Feature], tokens: int, cores: int
) -> dict[str, Tensor]:
    """Example → its logits, and how they were read has no part in it."""
    set_core_limit(cores)

    def read(_: Sequence[Feature], batch: Batch) -> Tensor:
        return model("t", batch.ids, batch.mask, batch.types, None, batch.images)

    found: dict[str, Tensor] = {}
    for indices, rows in read_batches(model.encoder, features, 1, tokens, read):
        for index, row in zip(indices, rows, strict=True):
            assert features[index].id not in found
            found[features[index].id] = row
    return found


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("order", ["given", "sorted", "reversed"])
def test_logits_and_labels_are_those_of_single_examples(
    model: MultiTaskModel, rows: int, cores: int, order: str
) -> None:
    features = features_of(40)
    expected = logits_by_id(model, features, 1, 1)
    names = ("a", "b", "c")
    reading = TokenizationConfig()
    given = predict(model, "t", "classification", features, names, 1, reading, 1)
    labels = dict(zip((feature.id for feature in features), given, strict=True))
    if order != "given":
        features.sort(key=lambda feature: len(feature.ids), reverse=order == "reversed")
    tokens = rows * (max(LENGTHS) + 2)
    found = logits_by_id(model, features, tokens, cores)
    assert found.keys() == expected.keys()
    assert max(float((found[name] - expected[name]).abs().max()) for name in found) <= TOLERANCE
    again = predict(model, "t", "classification", features, names, 1, reading, tokens)
    same = dict(zip((feature.id for feature in features), again, strict=True))
    assert [same[name] for name in labels] == list(labels.values())


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("tokens", [1, 64, 96, 100_000])
def test_every_example_is_read_once_whatever_the_number_of_examples(
    model: MultiTaskModel, tokens: int, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers around the multiples of cores and batch sizes."""
    monkeypatch.setattr(predict_module, "collate", lambda chosen, _: _Rows(len(chosen)))
    monkeypatch.setattr(predict_module, "MIN_PARALLEL_TOKENS", 8)
    set_core_limit(cores)
    for count in (0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 18, 19, 63, 64, 65):
        features = features_of(count)
        batches = read_batches(model.encoder, features, 1, tokens, lambda chosen, _: len(chosen))
        ids = Counter[str]()
        for indices, size in batches:
            assert size == len(indices)
            ids.update(features[index].id for index in indices)
        assert ids == Counter(feature.id for feature in features)


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("count", [1, 5, 6, 7, 17, 18, 19])
def test_processes_that_share_an_evaluation_answer_each_example_once(
    model: MultiTaskModel, processes: int, count: int
) -> None:
    features, names, reading = features_of(count), ("a", "b", "c"), TokenizationConfig()
    task = ("t", "classification", features, names, 1, reading, 96)
    parts: list[Any] = []
    for rank in range(processes):
        group = _Recorded(rank, processes, [])
        predict(model, *task, group=group)
        parts.append(group.own)
    indices = [index for part in parts for chosen, _ in part for index in chosen]
    assert sorted(indices) == list(range(count))
    assert predict(model, *task, group=_Recorded(0, processes, parts)) == predict(model, *task)


@dataclass
class _Recorded:
    """A process of several, whose answers and those of the others are known."""

    rank: int
    size: int
    parts: list[Any]
    own: Any = None

    def add(self, values: Tensor) -> None:
        raise AssertionError("nothing to add")

    def gather(self, value: Any) -> list[Any]:
        self.own = value
        return self.parts or [value]


class _Rows(int):
    """A batch of which nothing but its size is known."""

    def to(self, _: torch.device) -> _Rows:
        return self
