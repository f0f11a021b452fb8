"""The training loop against a plain loop and transformers' Trainer: equal weights."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments, get_linear_schedule_with_warmup

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.tiny import write_encoder
from xstilts.training.batching import collate
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.eval_steps import eval_steps
from xstilts.training.learning_rate import lr_factor
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.run import Run
from xstilts.training.task_sampling import schedule
from xstilts.training.train_task import TrainTask

PAD, VOCABULARY = 1, 160


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MultiTaskModel:
    """A tiny model without dropout, so that runs can be compared number for number."""
    folder = tmp_path_factory.mktemp("encoder")
    import_encoder(write_encoder(folder / "hf"), folder)
    files = EncoderFiles(folder)
    ids = torch.arange(len(files.full_embeddings()))
    shape = {"t": HeadShape("classification", 3, 0.0, "mean")}
    made = initialised(Encoder(files, ids), shape, 1)
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return made


def task() -> TrainTask:
    draw = torch.Generator().manual_seed(3)
    features = []
    for number in range(40):
        ids = [0, *torch.randint(5, 60, (2 + number % 7,), generator=draw).tolist(), 2]
        features.append(Feature(str(number), ids, [0] * len(ids), number % 3))
    gold = ["abc"[feature.target] for feature in features]
    return TrainTask("t", "classification", ("a", "b", "c"), "accuracy", features, features, gold)


RECIPE = Recipe(
    learning_rate=5e-3,
    epochs=2,
    batch_size=8,
    weight_decay=0.1,
    warmup_ratio=0.25,
    max_grad_norm=0.5,
    num_evals=1,
)


def batches() -> list[list[Feature]]:
    train_set = task().train
    steps = schedule({"t": 40}, batch=8, epochs=2, seed=0)
    return [[train_set[place] for place in step.examples] for step in steps]


def ours(
    model: MultiTaskModel, folder: Path, recipe: Recipe = RECIPE
) -> tuple[dict[str, Any], list[float]]:
    found = train(
        copy.deepcopy(model), [task()], recipe, 0, PAD, Checkpoints(folder), lambda _: None
    )
    return found.state, found.log.losses


def test_weights_equal_those_of_a_plain_loop(model: MultiTaskModel, tmp_path: Path) -> None:
    plain = copy.deepcopy(model).train()
    spared = [v for n, v in plain.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    others = [
        v for n, v in plain.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)
    ]
    groups = [{"params": others, "weight_decay": 0.1}, {"params": spared, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-3, eps=1e-8, foreach=False)
    steps = batches()
    plan = get_linear_schedule_with_warmup(optimizer, 3, len(steps))  # ceil(0.25 × 10)
    losses = []
    for features in steps:
        batch = collate(features, PAD)
        logits = plain("t", batch.ids, batch.mask, batch.types)
        target = torch.tensor([feature.target for feature in features])
        loss = torch.nn.functional.cross_entropy(logits, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
        plan.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    state, our_losses = ours(model, tmp_path)
    assert our_losses == pytest.approx(losses, abs=2e-6)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=1e-4, atol=1e-6)


class Wrapped(torch.nn.Module):
    """The model as transformers' Trainer wants it: a dictionary in, a loss out."""

    def __init__(self, model: MultiTaskModel) -> None:
        super().__init__()
        self.inner = model

    def forward(self, ids: Any, mask: Any, types: Any, labels: Any) -> dict[str, Any]:
        logits = self.inner("t", ids, mask, types)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


@pytest.mark.parametrize("beta2", [0.999, 0.95])
def test_weights_equal_those_of_transformers_trainer(
    model: MultiTaskModel, tmp_path: Path, beta2: float
) -> None:
    wrapped = Wrapped(copy.deepcopy(model))
    flat = [feature for features in batches()[:5] for feature in features]  # one epoch, in order

    def collated(features: list[Feature]) -> dict[str, Any]:
        batch = collate(features, PAD)
        labels = torch.tensor([feature.target for feature in features])
        return {"ids": batch.ids, "mask": batch.mask, "types": batch.types, "labels": labels}

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(flat)

    arguments = TrainingArguments(
        output_dir=str(tmp_path / "hf"), per_device_train_batch_size=8, num_train_epochs=1,
        learning_rate=5e-3, weight_decay=0.1, warmup_steps=2, max_grad_norm=0.5, use_cpu=True,
        lr_scheduler_type="linear", remove_unused_columns=False, save_strategy="no", report_to=[],
        disable_tqdm=True, logging_strategy="no", adam_beta2=beta2,
    )  # fmt: skip
    InOrder(wrapped, arguments, train_dataset=flat, data_collator=collated).train()  # type: ignore[arg-type]
    recipe = RECIPE.model_copy(update={"epochs": 1, "adam_beta2": beta2})
    state, _ = ours(model, tmp_path / "ours", recipe)
    for name, value in wrapped.inner.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=1e-4, atol=1e-6)


def test_accumulated_gradients_equal_the_full_batch(model: MultiTaskModel, tmp_path: Path) -> None:
    whole, losses = ours(model, tmp_path / "a")
    for slices in (2, 3, 8):
        recipe = RECIPE.model_copy(update={"gradient_accumulation_steps": slices})
        parts, other = ours(model, tmp_path / str(slices), recipe)
        assert other == pytest.approx(losses, abs=1e-5)
        for name, value in whole.items():
            torch.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-5)


def test_the_learning_rate_schedule_equals_transformers(model: MultiTaskModel) -> None:
    run = Run(copy.deepcopy(model), [task()], RECIPE, 0, PAD)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    plan = get_linear_schedule_with_warmup(optimizer, 3, len(run.plan))
    for step in range(len(run.plan)):
        assert lr_factor(step, len(run.plan), run.recipe) == pytest.approx(plan.get_last_lr()[0])
        optimizer.step()
        plan.step()


def test_warm_up_steps_replace_the_ratio(model: MultiTaskModel) -> None:
    run = Run(copy.deepcopy(model), [task()], RECIPE.model_copy(update={"warmup_steps": 5}), 0, PAD)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    plan = get_linear_schedule_with_warmup(optimizer, 5, len(run.plan))
    for step in range(len(run.plan)):
        assert lr_factor(step, len(run.plan), run.recipe) == pytest.approx(plan.get_last_lr()[0])
        optimizer.step()
        plan.step()


def test_max_steps_ends_a_run_with_its_learning_rate_schedule(model: MultiTaskModel) -> None:
    recipe = RECIPE.model_copy(update={"max_steps": 4, "eval_steps": 3, "epochs": 50})
    run = Run(copy.deepcopy(model), [task()], recipe, 0, PAD)
    assert len(run.plan) == 4
    assert lr_factor(4, 4, recipe) == 0
    assert run.eval_steps == {3, 4}
    unlimited = Run(copy.deepcopy(model), [task()], RECIPE, 0, PAD)
    steps_per_epoch = len(unlimited.plan) / RECIPE.epochs
    assert len(run.epoch_steps) == max(1, round(4 / steps_per_epoch))


def test_evaluations_after_every_n_steps_include_the_last_step() -> None:
    assert eval_steps(10, 3, every=4) == {4, 8, 10}
    assert eval_steps(8, 3, every=4) == {4, 8}
    assert eval_steps(3, 3, every=30) == {3}


def test_evaluations_are_evenly_spaced_and_include_the_last_step() -> None:
    assert eval_steps(10, 2) == {5, 10}
    assert eval_steps(100, 3) == {33, 67, 100}
    assert eval_steps(2, 5) == {1, 2}


@pytest.mark.heavy
@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles for a CPU with g++")
def test_a_compiled_encoder_trains_the_same_weights(model: MultiTaskModel, tmp_path: Path) -> None:
    whole, losses = ours(model, tmp_path / "plain")
    recipe = RECIPE.model_copy(update={"compile": True})
    compiled, other = ours(model, tmp_path / "compiled", recipe)
    assert other == pytest.approx(losses, abs=1e-5)
    assert compiled.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-5)
