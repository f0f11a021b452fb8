"""A masked-LM step on 64 × 128 sub-words against AutoModelForMaskedLM with full logits.

Each side trains in its own process; a turn is one optimizer step. If the rival's logits do not fit
into memory in one batch, it accumulates the gradients of slices, which need less memory and the
same number of operations. Its peak for one batch is then extrapolated: linearly, from slices of a
quarter, a half and all of the rows that fit while nothing else runs, minus the gradients that exist
before a later slice but not before a single batch. `--size`: rows of a slice.
"""

from __future__ import annotations

import copy
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from bench.baselines import masked_model, without_dropout
from bench.cli import NotAvailable, Options, program
from bench.encoders import Weights, encoder
from bench.machine import device, every_core, has_gpu, wait
from bench.process import Answer, Process, peak_bytes, serve
from bench.timing import Measurement, Row, alternate, ratios
from xstilts.config.recipe import Recipe
from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape
from xstilts.formats.masked_lm import Masking
from xstilts.models.encoder import Encoder
from xstilts.training.batching import collate
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision import tf32_context
from xstilts.training.predict import read_positions
from xstilts.training.run import Run
from xstilts.training.train_task import TrainTask

TASK, RATE, DECAY = "text", 1e-5, 0.01
TRAINING = training_of("masked_lm")
COPIES = 4
"""Of the full logits at the peak: they, their softmax, and the gradients of both."""
BESIDE, ALONE = 8e9, 5e9
"""Bytes of memory for everything but the logits, generously: of both sides, or of the rival."""


class Setting:
    """The masked rows and the weights that both sides start from."""

    def __init__(self, options: Options) -> None:
        self.rows, self.length = (8, 32) if options.tiny else (64, 128)
        self.weights: Weights = encoder(options)
        self.tokenizer = self.weights.files.tokenizer()
        self.vocabulary = len(self.weights.files.full_embeddings())
        self.slice = options.size or self.fitting(BESIDE)
        masking = Masking(0.15, self.tokenizer.mask_token_id, self.vocabulary)
        self.masked = [masking.drawn(self._row(row), row) for row in range(self.rows)]

    def _row(self, number: int) -> Feature:
        """A row of random sub-words: what a step costs does not depend on them."""
        draw = random.Random(number)
        low, high = 1 + self.tokenizer.pad_token_id + 2, self.vocabulary - 50
        inner = [draw.randrange(low, high) for _ in range(self.length - 2)]
        ids = [self.tokenizer.cls_token_id, *inner, self.tokenizer.sep_token_id]
        words = tuple(range(1, self.length - 1))
        return Feature(str(number), ids, [0] * self.length, [-100] * self.length, words)

    def fitting(self, reserved: float) -> int:
        """The largest half, quarter, … of the rows whose full logits fit into memory."""
        rows, available = self.rows, memory() - reserved
        while rows > 1 and rows * self.length * self.vocabulary * 4 * COPIES > available:
            rows //= 2
        return rows

    def head(self) -> dict[str, Tensor]:
        """A masked LM head drawn with a seed."""
        draw, width = torch.Generator().manual_seed(5), self.weights.config["hidden_size"]
        return {
            "dense.weight": 0.02 * torch.randn(width, width, generator=draw),
            "dense.bias": torch.zeros(width),
            "norm.weight": torch.ones(width),
            "norm.bias": torch.zeros(width),
            "bias": torch.zeros(self.vocabulary),
        }


def memory() -> int:
    """Bytes of memory that nothing uses, of this machine or of its GPU."""
    if has_gpu():
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def ours(setting: Setting) -> Iterator[Answer]:
    """First the loss of some rows without dropout, then a training step for every answer."""
    model = _model(setting)
    few = setting.masked[:4]
    yield {"loss": _own_loss(setting, without_dropout(copy.deepcopy(model)), few) / _targets(few)}
    task = TrainTask(
        *(TASK, "masked_lm", (), "masked_accuracy", setting.masked, (), ()),
        augment=lambda feature, _seed: feature,  # masked the same on both sides
    )
    recipe = Recipe(
        learning_rate=RATE, epochs=200, batch_size=setting.rows, weight_decay=DECAY, warmup_ratio=0,
        num_evals=1, checkpoint="last",
    )  # fmt: skip
    run = Run(model, [task], recipe, 0, setting.tokenizer.pad_token_id)
    with tf32_context(run.precision):
        for number in count():
            started = time.perf_counter()
            with every_core():
                loss = run.step(number)
            wait()
            yield {"seconds": time.perf_counter() - started, "loss": loss, "peak": peak_bytes()}


@torch.no_grad()
def _own_loss(setting: Setting, model: Any, features: list[Feature]) -> float:
    """The loss summed over targets."""
    model.eval().to(device())
    batch = collate(features, setting.tokenizer.pad_token_id).to(device())
    places = read_positions(TRAINING, features, device())
    logits = model(TASK, batch.ids, batch.mask, batch.types, places)
    targets = TRAINING.targets(features, setting.length).to(device())
    return float(TRAINING.loss(logits, targets))


def _model(setting: Setting) -> MultiTaskModel:
    vocabulary = setting.vocabulary
    shape = HeadShape("masked_lm", vocabulary, 0.1, "mean")
    seen = Encoder(setting.weights.files, torch.arange(vocabulary))
    model = initialised(seen, {TASK: shape}, 1)
    head: Any = model.heads[TASK]
    head.load_state_dict(setting.head())
    head.norm.eps = seen.model.config.layer_norm_eps
    return model


def theirs(setting: Setting) -> Iterator[Answer]:
    """The same of transformers' model in a plain loop: no masking, no bookkeeping."""
    model = masked_model(setting.weights, setting.head())
    named = list(model.named_parameters())
    spared = [value for name, value in named if name.endswith("bias") or "norm" in name.lower()]
    others = [
        value for name, value in named if not (name.endswith("bias") or "norm" in name.lower())
    ]
    groups = [{"params": others, "weight_decay": DECAY}, {"params": spared, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, fused=True)
    with torch.no_grad():
        loss = _loss(setting, model.eval(), setting.masked[:4])
        gradients = sum(value.nbytes for value in model.parameters())
        yield {"loss": float(loss) / _targets(setting.masked[:4]), "gradients": gradients}
    model.train()
    while True:
        started, summed = time.perf_counter(), 0.0
        targets = _targets(setting.masked)
        for start in range(0, setting.rows, setting.slice):
            loss = _loss(setting, model, setting.masked[start : start + setting.slice]) / targets
            loss.backward()
            summed += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        wait()
        yield {"seconds": time.perf_counter() - started, "loss": summed, "peak": peak_bytes()}


def _loss(setting: Setting, model: Any, features: list[Feature]) -> Tensor:
    """The loss summed over targets, from full logits."""
    batch = collate(features, setting.tokenizer.pad_token_id).to(device())
    labels = TRAINING.targets(features, setting.length).to(device())
    with torch.autocast(device().type, torch.bfloat16, enabled=has_gpu()):
        found = model(input_ids=batch.ids, attention_mask=batch.mask, labels=labels)
    loss: Tensor = found.loss * _targets(features)
    return loss


def _targets(features: list[Feature]) -> int:
    return sum(index != -100 for one in features for index in _indices(one))


def _indices(feature: Feature) -> list[int]:
    assert isinstance(feature.target, list)
    return feature.target


def rivals_peak(setting: Setting, options: Options) -> tuple[float, dict[int, float]]:
    """Peak bytes of the rival for all rows in one batch, and the measured bytes by number of rows.

    Raises:
        NotAvailable: memory holds the logits of too few rows for a line through three points.
    """
    largest = setting.fitting(ALONE)
    fits = largest == setting.rows
    if not fits and largest < 4:
        raise NotAvailable(f"too little memory for the rival: {memory() / 1e9:.1f} GB are free")
    measured = {}
    for size in (largest,) if fits else (largest // 4, largest // 2, largest):
        with Process("mlm", "theirs", replace(options, size=size)) as process:
            gradients = process.ask()["gradients"]
            measured[size] = max(process.ask()["peak"] for _ in range(2))
    if fits:
        return measured[largest], measured
    slope, rest = np.polyfit(list(measured), list(measured.values()), 1)
    return float(rest + slope * setting.rows) - gradients, measured


def measure(options: Options) -> list[Row]:
    """Two rows: time, and peak memory."""
    setting = Setting(options)
    with Process("mlm", "ours", options) as own, Process("mlm", "theirs", options) as rival_process:
        here, there = own.ask()["loss"], rival_process.ask()["loss"]
        assert abs(here - there) < (5e-2 if has_gpu() else 1e-3), f"loss {here} and {there}"
        last: dict[str, Answer] = {}

        def turn(name: str, process: Process) -> Measurement:
            last[name] = process.ask()
            return Measurement(last[name]["seconds"])

        sides = {
            "xstilts": lambda _: turn("xstilts", own),
            "rival": lambda _: turn("rival", rival_process),
        }
        turns = alternate(sides, options.rounds)
    peak = last["xstilts"]["peak"]
    rivals, measured = rivals_peak(setting, options)
    name = f"masked LM step on {setting.rows} × {setting.length} sub-words"
    rival = "AutoModelForMaskedLM, full logits"
    if setting.slice < setting.rows:
        rival += f", in slices of {setting.slice}"
    extrapolated = "" if setting.rows in measured else ", extrapolated to one batch"
    notes = {
        "GB at the peak": round(peak / 1e9, 2),
        "rival's in one batch": round(rivals / 1e9, 2),
        "rival's by number of rows": {
            size: round(peak_bytes / 1e9, 2) for size, peak_bytes in measured.items()
        },
    }
    return [
        Row(name, rival, ratios(turns["rival"], turns["xstilts"]), 3.0, 5.0),
        Row(
            "peak memory of the process",
            f"AutoModelForMaskedLM, full logits{extrapolated}",
            [peak / rivals],
            1 / 3,
            None,
            share=True,
            small_is_good=True,
            notes=notes,
        ),
    ]


def side() -> None:
    """In a side's process."""
    options = Options(
        Path(_flag("--data")), rounds=0, size=int(_flag("--size")), tiny="--tiny" in sys.argv
    )
    run = {"ours": ours, "theirs": theirs}[_flag("--side")]
    serve(lambda: run(Setting(options)))


def _flag(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


if __name__ == "__main__":
    if "--side" in sys.argv:
        side()
    else:
        program("mlm", measure, rounds=3, size="rows of the rival's slices")
