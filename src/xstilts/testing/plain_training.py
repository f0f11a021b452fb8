"""Training of an encoder family by xstilts and by a plain loop over AutoModel, to be compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from torch import Tensor
from transformers import get_linear_schedule_with_warmup

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles, embedding_names, model_class
from xstilts.models.encoder_import import import_encoder
from xstilts.models.heads import SentenceHead
from xstilts.models.text_towers import text_config_of
from xstilts.testing.encoder_families import FAMILIES, write_family
from xstilts.training.batching import collate
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import initialised
from xstilts.training.task_sampling import schedule
from xstilts.training.train_task import TrainTask

RECIPE = Recipe(
    learning_rate=2e-3, epochs=1, batch_size=4, weight_decay=0.1, max_grad_norm=0.5, num_evals=1
)


DECAYS_NORMS = frozenset({"xlm"})
"""Families whose norms xstilts decays, because of their names; Trainer decays no norm."""


class TrainedTwice(NamedTuple):
    """A family after the same training by xstilts and by a plain loop.

    Args:
        losses: of every step, by xstilts and by the plain loop.
        weights: name of a tensor → its values by xstilts and by the plain loop.
    """

    losses: tuple[list[float], list[float]]
    weights: dict[str, tuple[Tensor, Tensor]]


def train_twice(family: str, folder: Path, *, trainer_groups: bool = False) -> TrainedTwice:
    """Train a tiny model of a family without dropout, in a vocabulary view and with all rows.

    Args:
        trainer_groups: whether the plain loop decays what transformers' Trainer decays, also in
            the families of `DECAYS_NORMS`.
    """
    hub, stored = without_dropout(folder / "hf", family), folder / "stored"
    stored.mkdir()
    import_encoder(hub, stored)
    files, features = EncoderFiles(stored), examples()
    padding = files.tokenizer().pad_token_id
    view = files.used_ids([feature.ids for feature in features])
    pooling = "last" if FAMILIES[family].causal else "mean"
    shapes = {"t": HeadShape("classification", 3, 0.0, pooling)}
    model = initialised(Encoder(files, view), shapes, seed=1)
    head = SentenceHead(model.encoder.width, 3, 0.0, pooling)
    head.load_state_dict(model.heads["t"].state_dict())
    gold = [f"label{feature.target}" for feature in features]
    labels = ("label0", "label1", "label2")
    task = TrainTask("t", "classification", labels, "accuracy", features, features, gold)
    trained = train(model, [task], RECIPE, 0, padding, Checkpoints(folder), lambda _: None)
    config = text_config_of(transformers.AutoConfig.from_pretrained(hub, trust_remote_code=False))
    plain = model_class(config).from_pretrained(hub, config=config, trust_remote_code=False)
    decay_norms = family in DECAYS_NORMS and not trainer_groups
    losses = trained_by_a_plain_loop(plain, head, padding, decay_norms=decay_norms)
    weights = dict(_pairs(trained.state, plain, view))
    return TrainedTwice((trained.log.losses, losses), weights)


def _pairs(
    state: dict[str, Tensor], plain: Any, view: Tensor
) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    """Yield each tensor of both; the store leaves out a pooler."""
    words = embedding_names(plain)
    for name, value in plain.state_dict().items():
        if "pooler" not in name.split("."):
            yield name, (state[f"encoder.model.{name}"], value[view] if name in words else value)


def examples() -> list[Feature]:
    """Sixteen texts of three classes."""
    draw = torch.Generator().manual_seed(3)
    texts = [
        [0, *torch.randint(5, 30, (2 + number % 5,), generator=draw).tolist(), 2]
        for number in range(16)
    ]
    return [Feature(str(n), text, [0] * len(text), n % 3) for n, text in enumerate(texts)]


def without_dropout(folder: Path, family: str) -> Path:
    """Write a tiny model of a family whose dropout rates are 0; returns its folder."""
    prefix = FAMILIES[family].prefix + ("Text" if FAMILIES[family].images else "")
    fields = getattr(transformers, f"{prefix}Config")().to_dict()
    rates = {name: 0.0 for name in fields if "dropout" in name and "type" not in name}
    rates.pop("embedding_dropout_type", None)
    rates = {name: rate for name, rate in rates.items() if fields[name] is not None}
    return write_family(folder, family, **rates)


def trained_by_a_plain_loop(
    model: Any, head: SentenceHead, padding: int, *, decay_norms: bool
) -> list[float]:
    """Train all parameters; decay those that transformers' Trainer decays, and norms if wanted."""
    both = torch.nn.ModuleDict({"model": model, "head": head}).train()
    named = dict(both.named_parameters())
    norms = set[str]() if decay_norms else {n for n in named if "norm" in n.lower()}
    spared = norms | {n for n in named if n.endswith("bias")}
    optimizer = torch.optim.AdamW(
        [
            {"params": [v for n, v in named.items() if n not in spared], "weight_decay": 0.1},
            {"params": [v for n, v in named.items() if n in spared], "weight_decay": 0.0},
        ],
        lr=2e-3,
        eps=RECIPE.adam_epsilon,
        foreach=False,
    )
    features = examples()
    steps = schedule({"t": len(features)}, batch=4, epochs=1, seed=0)
    warm = -(-len(steps) * RECIPE.warmup_ratio // 1)
    plan = get_linear_schedule_with_warmup(optimizer, int(warm), len(steps))
    losses = []
    for step in steps:
        chosen = [features[index] for index in step.examples]
        batch = collate(chosen, padding)
        states = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        target = torch.tensor([feature.target for feature in chosen])
        loss = torch.nn.functional.cross_entropy(head(states, batch.mask), target)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(both.parameters(), 0.5)
        optimizer.step()
        plan.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses
