"""Training of adapters: against peft without xstilts, resumed, on several cores."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig as PeftConfig
from peft import get_peft_model
from torch.nn import functional
from transformers import AutoModel, get_linear_schedule_with_warmup

from xstilts.config.recipe import Recipe
from xstilts.core import cpu as cores
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.lora import add_adapters
from xstilts.models.pooling import pool
from xstilts.stages.io.trained_weights import write_weights
from xstilts.stages.predict import trained_model
from xstilts.training import data_parallel_cpu as shards
from xstilts.training.batching import collate
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.task_sampling import schedule
from xstilts.training.train_task import TrainTask

PAD = 1
LORA = {"r": 4, "alpha": 8, "target_modules": ["query", "value", "dense"]}
RECIPE = Recipe.model_validate(
    {"learning_rate": 1e-2, "epochs": 2, "batch_size": 8, "weight_decay": 0.1, "num_evals": 2,
     "max_grad_norm": 0.5, "warmup_ratio": 0.25, "checkpoint_minutes": 1e-9, "lora": LORA}
)  # fmt: skip


def model(root: Path, dropout: float = 0.0, kind: str = "classification") -> MultiTaskModel:
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    assert RECIPE.lora is not None
    add_adapters(encoder, RECIPE.lora, 7)
    shape = HeadShape(kind, 160 if kind == "masked_lm" else 3, dropout, "mean")
    made = initialised(encoder, {"t": shape}, 1)
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return made


def features() -> list[Feature]:
    draw = torch.Generator().manual_seed(3)
    made = []
    for number in range(40):
        ids = [0, *torch.randint(5, 60, (2 + number % 7,), generator=draw).tolist(), 2]
        made.append(Feature(str(number), ids, [0] * len(ids), number % 3))
    return made


def task() -> TrainTask:
    gold = ["abc"[number % 3] for number in range(40)]
    labels = ("a", "b", "c")
    return TrainTask("t", "classification", labels, "accuracy", features(), features(), gold)


def trained(
    root: Path, folder: Path, stop: int | None = None, dropout: float = 0.2, **changes: Any
) -> Trained:
    def halt(news: dict[str, object]) -> None:
        if news["step"] == stop:
            raise KeyboardInterrupt

    recipe = RECIPE.model_copy(update=changes)
    return train(model(root, dropout), [task()], recipe, 0, PAD, Checkpoints(folder), halt)


def assert_same(one: Trained, other: Trained) -> None:
    assert one.log == other.log
    assert one.state.keys() == other.state.keys()
    assert all(one.state[name].equal(value) for name, value in other.state.items())


def test_losses_and_adapters_equal_those_of_a_loop_over_a_peft_model(
    root: Path, tmp_path: Path
) -> None:
    """Padded batches of transformers' model, all embeddings, peft's wrapper, torch's AdamW."""
    start = model(root)
    config = PeftConfig(r=4, lora_alpha=8, target_modules=list(LORA["target_modules"]))
    plain = get_peft_model(AutoModel.from_pretrained(root / "hf", add_pooling_layer=False), config)
    plain.eval()  # no dropout
    ours = dict(start.encoder.model.named_parameters())
    own = {
        name.removeprefix("base_model.model."): value
        for name, value in plain.named_parameters()
        if value.requires_grad
    }
    for name, value in own.items():
        value.data.copy_(ours[name])
    head = start.heads["t"]
    biases = [value for name, value in head.named_parameters() if name.endswith("bias")]
    others = [value for name, value in head.named_parameters() if not name.endswith("bias")]
    groups: list[dict[str, Any]] = [
        {"params": [*own.values(), *others], "weight_decay": 0.1},
        {"params": biases, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    steps = schedule({"t": 40}, batch=8, epochs=2, seed=0)
    rates = get_linear_schedule_with_warmup(optimizer, 3, len(steps))  # ceil(0.25 × 10)
    losses = []
    for step in steps:
        losses.append(_step(plain, head, [features()[index] for index in step.examples]))
        parameters = [*own.values(), *biases, *others]
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
    found = trained(root, tmp_path, dropout=0.0, checkpoint="last")
    assert found.log.losses == pytest.approx(losses, abs=2e-6)
    assert set(found.state) == {f"encoder.model.{name}" for name in own} | {
        f"heads.t.{name}" for name, _ in head.named_parameters()
    }
    for name, value in own.items():
        torch.testing.assert_close(
            found.state[f"encoder.model.{name}"], value.detach(), rtol=1e-4, atol=1e-6
        )


def _step(plain: Any, head: torch.nn.Module, examples: Sequence[Feature]) -> float:
    batch = collate(examples, PAD)
    hidden = plain(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
    sentence = pool(hidden, batch.mask, "mean")
    logits = head.get_submodule("out")(torch.tanh(head.get_submodule("dense")(sentence)))
    target = torch.tensor([feature.target for feature in examples])
    loss = functional.cross_entropy(logits, target)
    loss.backward()
    return float(loss.detach())


def test_stored_adapters_and_head_give_the_logits_of_the_trained_model(
    root: Path, tmp_path: Path
) -> None:
    made, files = model(root), EncoderFiles(root)
    recipe = RECIPE.model_copy(update={"checkpoint": "last", "learning_rate": 0.05})
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    done = train(made, [task()], recipe, 0, PAD, checkpoints, lambda _: None)
    (tmp_path / "stored").mkdir()
    write_weights(tmp_path / "stored", files, made, done, recipe.lora)
    shape = HeadShape("classification", 3, 0.0, "mean")
    merged = trained_model(EncoderFiles(root, tmp_path / "stored"), "t", shape)
    merged.encoder.set_vocab(torch.arange(160))
    batch = collate(features(), PAD)
    with torch.no_grad():
        logits = [one.eval()("t", batch.ids, batch.mask, batch.types) for one in (made, merged)]
        fresh = model(root).eval()("t", batch.ids, batch.mask, batch.types)
    torch.testing.assert_close(logits[1], logits[0], rtol=0, atol=1e-5)
    assert (logits[0] - fresh).abs().max() > 0.1


def test_a_run_stopped_at_any_step_resumes_to_the_same_adapters(root: Path, tmp_path: Path) -> None:
    whole = trained(root, tmp_path / "whole")
    for stop in (1, 5, 9):
        folder = tmp_path / str(stop)
        with pytest.raises(KeyboardInterrupt):
            trained(root, folder, stop)
        resumed = trained(root, folder)
        assert resumed.notes == (() if stop == 1 else (f"resumed from step {stop - 1}",))
        assert_same(resumed, whole)


def test_checkpoints_and_moments_are_of_adapters_and_heads_alone(root: Path) -> None:
    run = Run(model(root), [task()], RECIPE, 0, PAD)
    run.step(0)
    run.evaluate(1)
    names = run.checkpoint(1).tensors
    parts = {name for name in names if not name.startswith(("optimizer.", "random."))}
    assert parts
    assert all(".lora_" in name or ".heads." in name for name in parts)
    trainable = sum(value.requires_grad for value in run.model.parameters())
    assert len(run.optimizer.state) == trainable == 20 + 4
    assert all(value.grad is None for value in run.model.parameters())


def test_a_checkpoint_with_adapters_of_other_layers_is_not_resumed(
    root: Path, tmp_path: Path
) -> None:
    """Such as after another version of peft, whose usual layers are others."""
    run = Run(model(root), [task()], RECIPE, 0, PAD)
    run.step(0)
    checkpoint = run.checkpoint(1)
    assert run.other_weights(checkpoint) == []
    name = next(name for name in checkpoint.tensors if "lora_A" in name)
    further = {"model.encoder.model.other.lora_A.default.weight": torch.ones(1)}
    without = {key: value for key, value in checkpoint.tensors.items() if key != name}
    for number, tensors in enumerate((without, checkpoint.tensors | further)):
        changed, folder = dataclasses.replace(checkpoint, tensors=tensors), tmp_path / str(number)
        assert len(run.other_weights(changed)) == 1
        Checkpoints(folder).save(changed)
        restarted = trained(root, folder)
        assert "lora_A" in restarted.notes[0]
        assert restarted.steps == 10


def test_adapters_are_bit_identical_on_any_number_of_cores(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", 12)
    lora = {"lora": RECIPE.lora.model_copy(update={"dropout": 0.1})} if RECIPE.lora else {}
    runs = []
    for count in (1, 3):
        cores.set_core_limit(count)
        runs.append(trained(root, tmp_path / str(count), **lora))
    assert_same(*runs)


def test_gradient_checkpointing_gives_the_same_adapters(root: Path, tmp_path: Path) -> None:
    plain = trained(root, tmp_path / "plain", dropout=0.0)
    again = trained(root, tmp_path / "again", dropout=0.0, gradient_checkpointing=True)
    assert again.log.losses == pytest.approx(plain.log.losses, abs=1e-6)
    for name, value in plain.state.items():
        torch.testing.assert_close(again.state[name], value, rtol=1e-4, atol=1e-6)


def test_adapters_that_diverge_are_an_event(root: Path, tmp_path: Path) -> None:
    found = trained(root, tmp_path, learning_rate=1e30, max_grad_norm=1e30)
    assert found.diverged
    assert found.state == {}


def test_masked_lm_trains_adapters_and_head_and_no_embeddings(root: Path) -> None:
    def drawn(feature: Feature, _: int) -> Feature:
        return Feature(feature.id, feature.ids, feature.types, [-100, *feature.ids[1:]])

    text = TrainTask("t", "masked_lm", (), "mlm_accuracy", features(), (), (), augment=drawn)
    run = Run(model(root, kind="masked_lm"), [text], RECIPE, 0, PAD)
    before = run.model.encoder.embeddings.clone()
    losses = [run.step(number) for number in range(len(run.plan))]
    assert sum(losses[-3:]) < sum(losses[:3])
    assert run.model.encoder.embeddings.equal(before)
    assert run.model.encoder.embeddings.grad is None


@pytest.mark.heavy
@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles for a CPU with g++")
def test_a_compiled_encoder_trains_the_same_adapters(root: Path, tmp_path: Path) -> None:
    plain = trained(root, tmp_path / "plain", dropout=0.0)
    compiled = trained(root, tmp_path / "compiled", dropout=0.0, compile=True)
    assert compiled.log.losses == pytest.approx(plain.log.losses, abs=1e-5)
    for name, value in plain.state.items():
        torch.testing.assert_close(compiled.state[name], value, rtol=1e-3, atol=1e-5)
