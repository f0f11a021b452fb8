"""Training of heads that read images, with states of images as the features of a vision tower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.core import cpu as cores
from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.formats.image_features import ImageFeatures, WithImages, with_image_shape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.lora import add_adapters
from xstilts.training import data_parallel_cpu as shards
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import embed, predict
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.text_moments import set_text_moments
from xstilts.training.train_task import TrainTask

PAD, STATES, WIDTH = 1, 3, 6
FORMATS = ("image_inference", "image_statement", "image_question", "image_retrieval")
LABELS = ("a", "b")
IMAGES = 24
TOWER = np.random.default_rng(3).standard_normal((IMAGES, STATES, WIDTH), dtype=np.float32)
SETTINGS = {"learning_rate": 1e-2, "batch_size": 12, "num_evals": 2, "checkpoint_minutes": 1e-9}
LORA = {"r": 4, "alpha": 8, "target_modules": ["query", "value"]}


def texts(count: int = 24, first: int = 10) -> list[Feature]:
    """The texts do not depend on the labels."""
    draw = torch.Generator().manual_seed(5)
    made = []
    for number in range(count):
        words = torch.randint(first, first + 20, (1 + number % 7,), generator=draw).tolist()
        ids = [0, *words, 2]
        made.append(Feature(str(number), ids, [0] * len(ids), number % 2, context=str(number)))
    return made


def examples(kind: str, tower: Any = TOWER) -> Sequence[Feature]:
    images = ImageFeatures(tower, {str(number): number for number in range(IMAGES)})
    count = training_of(kind).images
    names = [[str((number + k) % IMAGES) for k in range(count)] for number in range(24)]
    return WithImages(texts(), images, names)


def task(kind: str = "image_inference", name: str = "t") -> TrainTask:
    features = texts() if kind == "classification" else examples(kind)
    gold: list[Any] = [LABELS[number % 2] for number in range(24)]
    if kind == "image_retrieval":
        gold = [[str(number)] for number in range(24)]
    metric = "image_text_recall_at_1" if kind == "image_retrieval" else "accuracy"
    return TrainTask(name, kind, LABELS, metric, features, features, gold)


def model(root: Path, *tasks: TrainTask, dropout: float = 0.0, lora: Any = None) -> MultiTaskModel:
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    if lora:
        add_adapters(encoder, lora, 7)
    shapes = {
        one.name: with_image_shape(HeadShape(one.format, 2, dropout, "mean"), one.train)
        for one in tasks
    }
    made = initialised(encoder, shapes, 0)
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return made


def trained(
    root: Path, folder: Path, *tasks: TrainTask, stop: int | None = None, **changes: Any
) -> Trained:
    recipe = Recipe.model_validate({**SETTINGS, "epochs": 2} | changes)

    def halt(news: dict[str, object]) -> None:
        if news["step"] == stop:
            raise KeyboardInterrupt

    made = model(root, *tasks, dropout=0.2, lora=recipe.lora)
    return train(made, tasks, recipe, 0, PAD, Checkpoints(folder), halt)


def gradients(root: Path, one: TrainTask, **changes: Any) -> tuple[float, dict[str, Any]]:
    recipe = Recipe.model_validate({**SETTINGS, "epochs": 1, "batch_size": 24} | changes)
    run = Run(model(root, one).train(), [one], recipe, 0, PAD)
    loss = run._backward(run.plan[0], 0)
    return loss, {name: value.grad for name, value in run.model.named_parameters()}


def assert_close(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in one.items():
        if value is None:
            assert other[name] is None
        else:
            torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", FORMATS)
def test_accumulation_and_shards_give_the_gradients_of_the_undivided_batch(
    kind: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, undivided = gradients(root, task(kind))
    assert undivided["heads.t." + ("projection" if kind == FORMATS[3] else "out") + ".weight"].any()
    accumulated = gradients(root, task(kind), gradient_accumulation_steps=5)
    monkeypatch.setattr(shards, "SHARD", 60)
    cores.set_core_limit(3)
    sharded = gradients(root, task(kind))
    for other_loss, other in (accumulated, sharded):
        assert other_loss == pytest.approx(loss, rel=1e-5)
        assert_close(undivided, other)


def predictions(made: MultiTaskModel, features: Sequence[Feature], **options: Any) -> list[Any]:
    reading = TokenizationConfig()
    return predict(made, "t", "image_inference", features, LABELS, PAD, reading, **options)


def probabilities(made: MultiTaskModel, features: Sequence[Feature], tokens: int) -> Any:
    return gold_probabilities(made, "t", "image_inference", features, PAD, tokens).probability


def test_packed_batches_of_any_size_give_the_logits_of_padded_ones(root: Path) -> None:
    made, features = model(root, task()), examples("image_inference")
    packed = probabilities(made, features, 10_000)
    assert probabilities(made, features, 30) == pytest.approx(packed, rel=1e-5)
    made.encoder.uses_packing = False
    made.encoder.model.config._attn_implementation = "sdpa"
    assert probabilities(made, features, 10_000) == pytest.approx(packed, rel=1e-5)


def test_a_label_that_only_the_images_tell_is_learned(root: Path, tmp_path: Path) -> None:
    tower = TOWER.copy()
    tower[:, :, 0] = np.where(np.arange(IMAGES) % 2, 3.0, -3.0)[:, None]
    seen = replace(task(), train=examples("image_inference", tower))
    seen = replace(seen, dev=seen.train)
    same = [replace(feature, ids=[0, 5, 2], types=[0] * 3) for feature in texts()]
    blind = replace(seen, train=same, dev=same)
    settings = {"epochs": 8, "num_evals": 1, "checkpoint": "last"}
    scores = [
        trained(root, tmp_path / name, one, **settings).log.dev_scores[-1]["t"]
        for name, one in (("seen", seen), ("blind", blind))
    ]
    assert scores == [1.0, 0.5]


def test_captions_find_their_images_after_training(root: Path, tmp_path: Path) -> None:
    settings = {"epochs": 30, "num_evals": 1, "checkpoint": "last", "batch_size": 24}
    log = trained(root, tmp_path, task("image_retrieval"), **settings).log
    assert log.dev_scores[-1]["t"] > 0.5
    assert log.losses[-1] < 0.5 * log.losses[0]


def test_text_and_image_tasks_train_in_one_mixture(root: Path, tmp_path: Path) -> None:
    tasks = [task("classification", "x"), task(), task("image_retrieval", "z")]
    log = trained(root, tmp_path, *tasks).log
    assert log.dev_scores[-1].keys() == {"x", "t", "z"}
    assert np.isfinite(log.losses).all()


@pytest.mark.parametrize("kind", ["image_statement", "image_retrieval"])
def test_an_interrupted_run_resumes_bit_identically(kind: str, root: Path, tmp_path: Path) -> None:
    tasks = [task("classification", "x"), task(kind)]
    uninterrupted = trained(root, tmp_path / "one", *tasks)
    with pytest.raises(KeyboardInterrupt):
        trained(root, tmp_path / "two", *tasks, stop=5)
    resumed = trained(root, tmp_path / "two", *tasks)
    assert resumed.notes == ("resumed from step 4",)
    assert resumed.log == uninterrupted.log
    for name, value in uninterrupted.state.items():
        assert resumed.state[name].equal(value)


def test_adapters_and_the_fusion_head_are_trained_together(root: Path, tmp_path: Path) -> None:
    state = trained(root, tmp_path, task(), lora=LORA).state
    body = {name for name in state if name.startswith("encoder.")}
    assert body
    assert all("lora" in name for name in body)
    assert "heads.t.image_tokens.projection.weight" in state


def test_a_vocabulary_view_gives_the_predictions_of_all_rows(root: Path) -> None:
    made, features = model(root, task()), examples("image_inference")
    expected = predictions(made, features)
    ids = EncoderFiles(root).used_ids([{index for one in texts() for index in one.ids}])
    made.encoder.set_vocab(ids)
    assert len(ids) < 160
    assert predictions(made, features) == expected


def test_texts_are_centred_by_the_encoder_before_the_training(root: Path) -> None:
    one = task()
    made = model(root, one, dropout=0.5)
    random_state = torch.get_rng_state()
    set_text_moments(made, [one], PAD)
    assert torch.get_rng_state().equal(random_state)
    vectors = embed(made.encoder, list(texts()), PAD, [(2, "mean")])[2, "mean"]
    mean, scale = (getattr(made.heads["t"].match, f"text_{name}") for name in ("mean", "scale"))
    assert mean.numpy() == pytest.approx(vectors.mean(0), abs=1e-5)
    assert scale.numpy() == pytest.approx(vectors.std(0), rel=1e-3, abs=1e-4)
    assert {name.split(".")[1] for name in made.heads.state_dict()} >= {"match"}
