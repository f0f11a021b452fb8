"""A training with adapters against a training of all weights, of the same encoder and batches.

Each side trains in its own process, so that its peak of memory is its own; a turn is a few
optimizer steps of 32 texts of 16 to 96 random sub-words after a first step. A third process trains
the same adapters by peft and transformers in padded batches. `--size`: steps per turn.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.nn import functional

from bench.cli import Options, program
from bench.encoders import Weights, encoder
from bench.machine import device, every_core, has_gpu, wait
from bench.process import Answer, Process, peak_bytes, serve
from bench.timing import Contestant, Measurement, Row, alternate, ratios
from xstilts.config.lora import LoraConfig
from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.heads import SentenceHead
from xstilts.models.lora import add_adapters
from xstilts.stages.io.trained_weights import write_weights
from xstilts.training.batching import collate
from xstilts.training.model_state import trained_state
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision import tf32_context
from xstilts.training.run import Run
from xstilts.training.run_log import Log, Trained
from xstilts.training.train_task import TrainTask

TASK, BATCH, RATE = "texts", 32, 1e-5
LORA = LoraConfig()
SIDES = ("lora", "full", "peft")


class Setting:
    """The texts and weights that all sides start from."""

    def __init__(self, options: Options) -> None:
        self.weights: Weights = encoder(options)
        self.pad: int = self.weights.files.tokenizer().pad_token_id
        rows = len(self.weights.files.full_embeddings())
        draw = random.Random(0)
        self.vocabulary = draw.sample(range(10, rows), min(6000, rows - 10))
        self.features = [self._text(number, draw) for number in range(16 * BATCH)]
        self.ids = self.weights.files.used_ids(feature.ids for feature in self.features)

    def _text(self, number: int, draw: random.Random) -> Feature:
        longest = min(96, self.weights.config["max_position_embeddings"] - 2)
        ids = draw.choices(self.vocabulary, k=draw.randrange(16, longest))
        return Feature(str(number), ids, [0] * len(ids), number % 3)

    def task(self) -> TrainTask:
        """Training texts without dev."""
        return TrainTask(TASK, "classification", ("a", "b", "c"), "accuracy", self.features, (), ())

    def model(self, *, lora: bool) -> MultiTaskModel:
        """A fresh model over the sub-words in view."""
        made = Encoder(self.weights.files, self.ids)
        if lora:
            add_adapters(made, LORA, 1)
        return initialised(made, {TASK: HeadShape("classification", 3, 0.1, "mean")}, 1)

    def recipe(self, *, lora: bool) -> Recipe:
        """One epoch of all texts."""
        return Recipe(
            learning_rate=RATE,
            epochs=1,
            batch_size=BATCH,
            checkpoint="last",
            num_evals=1,
            lora=LORA if lora else None,
        )


def ours(options: Options, *, lora: bool) -> Iterator[Answer]:
    """Seconds of each turn's steps, and the bytes that a run needs and stores."""
    setting, steps = Setting(options), turn_steps(options)
    recipe = setting.recipe(lora=lora)
    run = Run(setting.model(lora=lora), [setting.task()], recipe, 0, setting.pad)

    @every_core()
    def turn(first: int, count: int) -> float:
        with tf32_context(run.precision):
            wait()
            started = time.perf_counter()
            for number in range(first, first + count):
                run.step(number % len(run.plan))
            wait()
        return time.perf_counter() - started

    turn(0, 1)
    seconds = turn(1, steps)
    sizes = {"peak": peak_bytes(), "held": held_bytes(run), "stored": stored_bytes(setting, run)}
    for number in itertools.count(1):
        yield {"seconds": seconds, **sizes}
        seconds = turn(1 + number * steps, steps)


def by_peft(options: Options) -> Iterator[Answer]:
    """Seconds of the same steps by peft's wrapper of transformers' model, in padded batches."""
    import peft
    from transformers import AutoModel

    setting, steps = Setting(options), turn_steps(options)
    plan = Run(
        setting.model(lora=True), [setting.task()], setting.recipe(lora=True), 0, setting.pad
    ).plan
    config = peft.LoraConfig(r=LORA.r, lora_alpha=int(LORA.alpha), lora_dropout=LORA.dropout)
    plain = AutoModel.from_pretrained(setting.weights.folder, add_pooling_layer=False)
    model = peft.get_peft_model(plain, config).to(device()).train()
    head = SentenceHead(plain.config.hidden_size, 3, 0.1, "mean").to(device())
    parameters = [*(p for p in model.parameters() if p.requires_grad), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, fused=True)

    def turn(first: int, count: int) -> float:
        wait()
        started = time.perf_counter()
        for number in range(first, first + count):
            examples = plan[number % len(plan)].examples
            features = [setting.features[index] for index in examples]
            batch = collate(features, setting.pad).to(device())
            with torch.autocast(device().type, torch.bfloat16, enabled=has_gpu()):
                states = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
                logits = head(states, batch.mask)
            target = torch.tensor([feature.target for feature in features], device=device())
            functional.cross_entropy(logits.float(), target).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        wait()
        return time.perf_counter() - started

    turn(0, 1)
    for number in itertools.count():
        yield {"seconds": turn(1 + number * steps, steps), "peak": peak_bytes()}


def turn_steps(options: Options) -> int:
    """Optimizer steps of a turn."""
    return options.size or (2 if options.tiny else 8)


def held_bytes(run: Run) -> int:
    """Bytes of gradients and of the optimizer's moments."""
    moments = (value for state in run.optimizer.state.values() for value in state.values())
    return sum(value.numel() * value.element_size() for value in (*moments, *run.trainable))


def stored_bytes(setting: Setting, run: Run) -> int:
    """Bytes of the weights that a training stage writes."""
    with tempfile.TemporaryDirectory() as name:
        done = Trained(trained_state(run.model), Log(), 0, ())
        write_weights(Path(name), setting.weights.files, run.model, done, run.recipe.lora)
        return sum(path.stat().st_size for path in Path(name).iterdir())


def measure(options: Options) -> list[Row]:
    """Five rows: speed against both rivals; memory, gradients and disk against all weights."""
    answers: dict[str, Answer] = {}
    name = encoder(options).name  # made here, if it does not exist, not in a side's memory
    processes = {side: Process("lora", side, options) for side in SIDES}

    def contestant(side: str) -> Contestant:
        def turn(_: int) -> Measurement:
            answers[side] = processes[side].ask()
            return Measurement(answers[side]["seconds"])

        return turn

    try:
        turns = alternate({side: contestant(side) for side in SIDES}, options.rounds)
    finally:
        for process in processes.values():
            process.__exit__(None, None, None)
    lora, full = answers["lora"], answers["full"]
    what = f"adapters (rank {LORA.r}, {LORA.target_modules}), {name}"
    peaks = gigabytes(lora["peak"], answers["peft"]["peak"])
    rows = [
        Row(f"training step, {what}", "all weights", ratios(turns["full"], turns["lora"])),
        Row(
            f"training step, {what}",
            "peft and transformers, padded",
            ratios(turns["peft"], turns["lora"]),
            notes={"GB of both processes at their peaks": peaks},
        ),
    ]
    for size, key in (
        ("peak memory of the process", "peak"),
        ("gradients and moments", "held"),
        ("weights that are stored", "stored"),
    ):
        notes = {"GB with adapters, with all weights": gigabytes(lora[key], full[key])}
        share = [lora[key] / full[key]]
        row = Row(
            f"{size}, {what}", "all weights", share, share=True, small_is_good=True, notes=notes
        )
        rows.append(row)
    return rows


def gigabytes(*sizes: int) -> list[float]:
    """Sizes in 10^9 bytes."""
    return [round(size / 1e9, 4) for size in sizes]


def answers_of(side: str, options: Options) -> Iterator[Answer]:
    """The answers of one side."""
    return by_peft(options) if side == "peft" else ours(options, lora=side == "lora")


def _flag(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


if __name__ == "__main__":
    if "--side" in sys.argv:
        size, tiny = int(_flag("--size")), "--tiny" in sys.argv
        given = Options(Path(_flag("--data")), rounds=0, size=size, tiny=tiny)
        serve(lambda: answers_of(_flag("--side"), given))
    else:
        program("lora", measure, rounds=3, size="optimizer steps per turn")
