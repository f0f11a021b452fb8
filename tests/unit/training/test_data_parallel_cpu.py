"""Batches in shards: gradients of the full batch, bit-identical on any number of cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from xstilts.config.recipe import Recipe
from xstilts.core import cpu as cores
from xstilts.formats import FORMATS, training_of
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.metrics import knn as nearest
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.fast_dropout import dropout, use_generator
from xstilts.training import data_parallel_cpu as shards
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import embed, embed_words, predict
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

PAD = 1
DIVISIBLE = [
    name
    for name in FORMATS
    if (training := FORMATS.get(name).training) and not training.whole_batch
]
"""Formats whose loss is a sum over examples."""


def features(count: int) -> list[Feature]:
    draw = torch.Generator().manual_seed(5)
    found = []
    for number in range(count):
        ids = [0, *torch.randint(10, 30, (1 + number % 7,), generator=draw).tolist(), 2]
        words = tuple(range(1, len(ids) - 1))
        found.append(Feature(str(number), ids, [0] * len(ids), number % 2, words))
    return found


def model(root: Path, share: float, kind: str = "classification") -> MultiTaskModel:
    shape = HeadShape(kind, 160 if kind == "masked_lm" else 2, share, "mean")
    if training_of(kind).images:
        shape = replace(shape, image_width=6, image_tokens=3)
    found = initialised(Encoder(EncoderFiles(root), torch.arange(160)), {"t": shape}, 0)
    for module in found.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
    return found


def task(kind: str = "classification", dev: bool = True) -> TrainTask:
    """24 examples of a format."""
    found = features(24)
    if kind == "tagging":
        found = [replace(one, target=[-100, *(n % 2 for n in one.words), -100]) for one in found]
    if kind == "masked_lm":
        found = [
            replace(one, target=[-100, one.ids[1], *[-100] * len(one.ids[2:])]) for one in found
        ]
    if kind == "span":
        found = [replace(one, target=[1, len(one.ids) - 2]) for one in found]
    if kind == "multiple_choice":
        others = features(30)[6:]
        found = [replace(one, extra_texts=(two,)) for one, two in zip(found, others, strict=True)]
    if count := training_of(kind).images:
        states = np.random.default_rng(2).standard_normal((24, count, 3, 6), dtype=np.float32)
        found = [replace(one, images=images) for one, images in zip(found, states, strict=True)]
    asked = (found, ["a", "b"] * 12) if dev else ((), ())
    return TrainTask("t", kind, ("a", "b"), "accuracy", found, *asked)


def trained(root: Path, folder: Path, stop: int | None = None, **changes: object) -> Trained:
    settings = {"learning_rate": 1e-2, "epochs": 2, "batch_size": 12, "num_evals": 2}
    recipe = Recipe.model_validate(settings | {"checkpoint_minutes": 1e-9} | changes)

    def halt(news: dict[str, object]) -> None:
        if news["step"] == stop:
            raise KeyboardInterrupt

    return train(model(root, 0.2), [task()], recipe, 0, PAD, Checkpoints(folder), halt)


@given(some.lists(some.integers(1, 60), min_size=1, max_size=40), some.integers(1, 200))
def test_every_feature_is_in_one_shard_and_shards_are_balanced(sizes: list[int], most: int) -> None:
    given = [Feature(str(place), [5] * size, [0] * size, 0) for place, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", most)
        parts = list(shards.balanced_shards(given))
    assert sorted(row for part in parts for row in part) == list(range(len(sizes)))
    assert all(parts)
    asked = max(1, min(len(sizes), sum(sizes) // most))
    assert len(parts) <= asked
    weights = [sum(sizes[row] for row in part) for part in parts]
    assert all(weight <= 2 * sum(sizes) / asked + max(sizes) for weight in weights)


def test_the_number_of_shards_is_a_power_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 10)
    given = [Feature(str(place), [5] * 5, [0] * 5, 0) for place in range(15)]  # 75 sub-words
    assert [len(part) for part in shards.balanced_shards(given)] == [4, 4, 4, 3]
    assert [len(part) for part in shards.balanced_shards(given[:5])] == [3, 2]
    assert [len(part) for part in shards.balanced_shards(given[:3])] == [3]


@pytest.mark.parametrize(("lines", "parts"), [(16, 1), (32, 2), (128, 2), (256, 4)])
def test_a_usual_batch_of_lines_of_text_is_shared_by_two_cores(lines: int, parts: int) -> None:
    given = [Feature(str(place), [5] * 45, [0] * 45, [-100] * 45) for place in range(lines)]
    assert len(list(shards.balanced_shards(given, tied=True))) == parts


@pytest.mark.parametrize("changes", [{}, {"gradient_accumulation_steps": 2}])
def test_weights_are_bit_identical_on_any_number_of_cores(
    changes: dict[str, int], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", 12)
    found = []
    for count in (1, 2, 5):
        cores.set_core_limit(count)
        found.append(trained(root, tmp_path / str(count), **changes))
    for other in found[1:]:
        assert other.log == found[0].log
        assert all(other.state[name].equal(value) for name, value in found[0].state.items())


def test_a_run_interrupted_on_one_core_resumes_bit_identically_on_three(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", 12)
    whole = trained(root, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(root, tmp_path / "parts", stop=3)
    cores.set_core_limit(3)
    resumed = trained(root, tmp_path / "parts")
    assert resumed.notes == ("resumed from step 2",)
    assert resumed.log == whole.log
    assert all(resumed.state[name].equal(value) for name, value in whole.state.items())


@pytest.mark.parametrize("kind", DIVISIBLE)
def test_gradients_of_shards_equal_those_of_the_batch(
    kind: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slopes, losses = [], []
    for most, count in ((10_000, 1), (12, 1), (12, 3)):
        monkeypatch.setattr(shards, "SHARD", most)
        monkeypatch.setattr(shards, "TIED", most)
        cores.set_core_limit(count)
        recipe = Recipe(learning_rate=1e-2, epochs=1, batch_size=24, num_evals=1)
        run = Run(model(root, 0.0, kind).train(), [task(kind, dev=False)], recipe, 0, PAD)
        tied = training_of(kind).tied
        cut = list(shards.balanced_shards(run.tasks["t"].train, tied=tied))
        assert (len(cut) > 2) == (most == 12)
        losses.append(run._backward(run.plan[0], 0))
        slopes.append({name: value.grad for name, value in run.model.named_parameters()})
    whole, alone, threads = slopes
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[1] == losses[2]
    for name, value in whole.items():
        torch.testing.assert_close(alone[name], value, rtol=1e-4, atol=1e-6)
        assert (threads[name] is None) == (alone[name] is None)
        assert threads[name] is None or threads[name].equal(alone[name])


def test_each_shard_draws_its_own_dropout_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 4)
    weight = torch.nn.Parameter(torch.ones(1000))
    seen: list[torch.Tensor] = []

    def loss_of(_: list[int]) -> torch.Tensor:
        seen.append(dropout(weight, 0.5))
        return seen[-1].sum()

    torch.manual_seed(3)
    parts = list(shards.balanced_shards(features(6)))
    shards.add_gradients([weight], parts, loss_of)
    assert len(seen) == len(parts) > 2
    assert not any(one.equal(other) for one, other in pairwise(seen))
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, torch.stack(seen).sum(0).detach())
    first = torch.stack(seen)
    seen.clear()
    torch.manual_seed(3)
    shards.add_gradients([weight], parts, loss_of)
    assert torch.stack(seen).equal(first)


def test_thread_local_generators_do_not_affect_other_threads() -> None:
    values = torch.ones(100)
    torch.manual_seed(1)
    expected = dropout(values, 0.5)
    torch.manual_seed(1)
    with use_generator(torch.Generator().manual_seed(7)):
        own = dropout(values, 0.5)
    assert dropout(values, 0.5).equal(expected)
    assert not own.equal(expected)


def test_predictions_and_vectors_are_bit_identical_on_any_number_of_cores(root: Path) -> None:
    one, given = model(root, 0.0).eval(), features(40)

    def predictions() -> object:
        return gold_probabilities(one, "t", "classification", given, PAD, tokens=16).bits.tobytes()

    def vectors() -> object:
        found = embed(one.encoder, given, PAD, [(0, "mean"), (1, "cls"), (2, "mean")], tokens=16)
        return [value.tobytes() for value in found.values()]

    def words() -> object:
        return embed_words(one.encoder, given, PAD, 1, tokens=16).tobytes()

    def neighbours() -> object:
        left, right = np.random.default_rng(1).standard_normal((2, 50, 8), dtype=np.float32)
        found = nearest.bidirectional_knn(left, right, 3)
        return [(side.cosine.tobytes(), side.index.tobytes()) for side in found]

    asked: list[Callable[[], object]] = [predictions, vectors, words, neighbours]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "BLOCK", 7)
        for ask in asked:
            cores.set_core_limit(1)
            expected = ask()
            for count in (2, 5):
                cores.set_core_limit(count)
                assert ask() == expected


def test_prediction_threads_compute_no_gradients(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, kept = model(root, 0.0), list[bool]()
    plain = Encoder.forward

    def watched(self: Encoder, *given: Any) -> torch.Tensor:
        kept.append(torch.is_grad_enabled())
        return plain(self, *given)

    monkeypatch.setattr(Encoder, "forward", watched)
    for count in (1, 2):
        cores.set_core_limit(count)
        predict(
            one,
            "t",
            "classification",
            features(20),
            ("a", "b"),
            PAD,
            TokenizationConfig(),
            tokens=16,
        )
    assert len(kept) > 10
    assert not any(kept)
    assert torch.is_grad_enabled()
