"""Fine-tune on XNLI-dev-en against transformers' Trainer: its defaults, by length, padded to 256.

Seconds per real sub-word of optimizer steps of 32 pairs. The first step of a turn, in which the
optimizer's state is made, does not count on either side. `--size`: steps per turn. On a CPU,
`--precision bf16` computes the products of both sides in bf16; the weights stay in fp32.
"""

from __future__ import annotations

import copy
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from bench.baselines import sentence_model, without_dropout
from bench.cli import Options, program, require_fast_bf16
from bench.encoders import Weights, encoder
from bench.examples import NLI, nli
from bench.machine import (
    Peak,
    every_core,
    fresh_accelerator,
    has_gpu,
    product_note,
    wait,
)
from bench.timing import Measurement, Row, alternate, ratios
from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig, id_lists
from xstilts.formats.classification import CLASSIFICATION
from xstilts.models.encoder import Encoder
from xstilts.models.vocab_view import used_ids
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision import Precision
from xstilts.training.task_sampling import schedule
from xstilts.training.train_task import TrainTask

BATCH, LENGTH, WARMUP, DECAY, RATE = 32, 256, 0.1, 0.01, 1e-5
TASK = "xnli"
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
MEGABATCHES = 4
"""transformers sorts a quarter of a small data set at a time, at most 50 batches."""


class Setting:
    """The data and weights that both sides start from, and their precision."""

    def __init__(
        self, options: Options, weights: Weights | None = None, precision: Precision | None = None
    ) -> None:
        self.weights = weights or encoder(options)
        self.precision = precision or options.precision
        self.tokenizer = self.weights.files.tokenizer()
        length = min(LENGTH, self.weights.config["max_position_embeddings"] - 2)
        self.length = length
        self.features = CLASSIFICATION.features(
            nli(options), self.tokenizer, NLI, TokenizationConfig(length)
        )
        self.pad: int = self.tokenizer.pad_token_id

    def model(self) -> MultiTaskModel:
        """A fresh model over the sub-words in view."""
        ids = used_ids(id_lists(self.features), self.pad)
        shape = HeadShape("classification", len(NLI), 0.1, "cls")
        return initialised(Encoder(self.weights.files, ids), {TASK: shape}, 1)

    def order(self, steps: int, seed: int) -> list[Feature]:
        """The pairs that our loop sees in these steps, in order."""
        plan = schedule(self.sizes, seed=seed, **self.recipe(steps).sampling_params())
        return [self.features[index] for step in plan for index in step.examples]

    @property
    def bf16(self) -> bool:
        """Whether products are in bf16; always on a GPU."""
        return has_gpu() or self.precision == "bf16"

    @property
    def sizes(self) -> dict[str, int]:
        """Pairs to train on."""
        return {TASK: len(self.features)}

    def recipe(self, steps: int) -> Recipe:
        """The recipe of a turn: both sides' rate, decay, clipping and schedule."""
        return Recipe(
            learning_rate=RATE,
            epochs=steps / math.ceil(len(self.features) / BATCH),
            batch_size=BATCH,
            warmup_ratio=WARMUP,
            weight_decay=DECAY,
            max_grad_norm=1.0,
            num_evals=1,
            checkpoint="last",
            checkpoint_minutes=1e6,
            max_length=self.length,
            precision="bf16" if self.bf16 else "auto",
        )


class Ours:
    """xstilts' loop, called as the train stage calls it."""

    def __init__(self, setting: Setting, steps: int, model: MultiTaskModel | None = None) -> None:
        self.setting, self.steps = setting, steps
        self.model = model or setting.model()
        self.losses: list[float] = []

    def __call__(self, number: int) -> Measurement:
        """Some steps after a first one."""
        setting, times = self.setting, dict[int, float]()
        steps = counted_steps(self.steps, number) + 1

        def listen(news: dict[str, Any]) -> None:
            if "loss" in news and news["step"] in (1, steps):
                wait()
                times[news["step"]] = time.perf_counter()

        task = TrainTask(TASK, "classification", NLI, "accuracy", setting.features, (), ())
        fresh_accelerator()
        with tempfile.TemporaryDirectory() as folder:
            checkpoints = Checkpoints(Path(folder))
            recipe = setting.recipe(steps)
            trained = train(self.model, [task], recipe, number, setting.pad, checkpoints, listen)
        self.losses = trained.log.losses
        counted = setting.order(steps, number)[BATCH:]
        return Measurement(times[steps] - times[1], sum(len(one.ids) for one in counted))


class Theirs:
    """transformers' Trainer on the same model class's weights.

    Args:
        sampling: its `train_sampling_strategy`; `sequential` gives it our batches.
        padding: its collator's `padding`.
    """

    def __init__(self, setting: Setting, steps: int, model: Any, sampling: str, padding: Any):
        self.setting, self.steps, self.model, self.sampling = setting, steps, model, sampling
        self.collator = DataCollatorWithPadding(setting.tokenizer, padding, setting.length)

    def __call__(self, number: int) -> Measurement:
        """As many steps as ours, after a first one."""
        grouped = self.sampling == "group_by_length"
        steps = counted_steps(self.steps, number) + 1
        features = self.setting.features if grouped else self.setting.order(steps, number)
        clock, subwords = _Clock(), list[int]()

        def collated(items: list[dict[str, Any]]) -> Any:
            batch = self.collator(items)
            subwords.append(int(batch["attention_mask"].sum()))
            return batch

        fresh_accelerator()
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(
                model=self.model,
                args=self._arguments(folder, steps, number),
                train_dataset=[item(feature) for feature in features],
                data_collator=collated,
                processing_class=self.setting.tokenizer,
                callbacks=[clock],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        return Measurement(clock.times[steps - 1] - clock.times[0], sum(subwords[1:steps]))

    def _arguments(self, folder: str, steps: int, seed: int) -> TrainingArguments:
        return TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            max_steps=steps,
            learning_rate=RATE,
            weight_decay=DECAY,
            warmup_steps=math.ceil(WARMUP * steps),
            max_grad_norm=1.0,
            lr_scheduler_type="linear",
            train_sampling_strategy=self.sampling,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            bf16=self.setting.bf16,
            use_cpu=not has_gpu(),
            seed=seed,
        )


def counted_steps(steps: int, number: int) -> int:
    """Steps of a turn that count: the warm-up need not be long."""
    return steps if number else min(1, steps)


class _Clock(TrainerCallback):
    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        wait()
        self.times.append(time.perf_counter())


def item(feature: Feature) -> dict[str, Any]:
    """A feature as the rival's data set has it."""
    return {
        "input_ids": feature.ids,
        "token_type_ids": feature.types,
        "attention_mask": [1] * len(feature.ids),
        "labels": feature.target,
    }


def check(setting: Setting, model: MultiTaskModel, rival: Any) -> None:
    """One batch has the same loss on both sides without dropout.

    Raises:
        AssertionError: it has not.
    """
    ours = Ours(setting, 0, without_dropout(copy.deepcopy(model)))
    ours(0)
    batch = setting.order(1, 0)[:BATCH]
    inputs = DataCollatorWithPadding(setting.tokenizer)([item(feature) for feature in batch])
    with torch.no_grad():
        theirs = float(rival.eval()(**inputs.to(rival.device)).loss)
    off = abs(ours.losses[0] - theirs)
    assert off < (3e-2 if setting.bf16 else 1e-4), f"loss {ours.losses[0]} here, {theirs} there"


BF16_TARGETS = 2.5, 3.0
"""At least and aim of both sides in bf16 on a CPU."""
RIVALS = {
    "default": ("Trainer, its defaults", "sequential", True, (2.8, 1.8), 3.4),
    "grouped": ("Trainer, grouped by length", "group_by_length", True, (1.25, 1.3), 1.6),
    "fixed": ("Trainer, padded to 256", "sequential", "max_length", (12.0, 12.0), 16.0),
}


def steps_of(name: str, options: Options, pairs: int) -> int:
    """Steps of a turn: few of the slow ones, and all that are sorted together."""
    if name == "grouped":
        return min(pairs // (BATCH * MEGABATCHES), 50) or 1
    return options.size or (1 if options.tiny else {"default": 4, "fixed": 1}[name])


def measure(options: Options) -> list[Row]:
    """A row for each rival."""
    if options.precision == "bf16":
        require_fast_bf16(options)
    setting = Setting(options)
    model = setting.model()
    rival = sentence_model(setting.weights, model.heads[TASK])
    check(setting, model, rival)
    names = ("default",) if options.precision == "bf16" else RIVALS
    return [_row(name, options, setting, model, rival) for name in names]


def _row(name: str, options: Options, setting: Setting, model: MultiTaskModel, rival: Any) -> Row:
    title, sampling, padding, (on_cpu, on_gpu), aim = RIVALS[name]
    steps = steps_of(name, options, len(setting.features))
    in_bf16 = options.precision == "bf16"
    ours, theirs = Ours(setting, steps, model), Theirs(setting, steps, rival, sampling, padding)
    peak = Peak(setting.precision)
    rounds = options.rounds if name == "default" else min(3, options.rounds)  # the slow ones
    turns = alternate({"xstilts": every_core()(ours), "rival": theirs}, rounds)
    targets = BF16_TARGETS if in_bf16 else (on_gpu if has_gpu() else on_cpu, aim)
    return Row(
        "fine-tune on XNLI dev en" + (", both in bf16" if in_bf16 else ""),
        title,
        ratios(turns["rival"], turns["xstilts"]),
        *targets,
        notes={
            "steps of 32 pairs in a turn": steps,
            "sub-words per second": _speed(turns["xstilts"]),
            "rival's": _speed(turns["rival"]),
            "share of the matrix-product rate": _share(setting.weights, turns["xstilts"], peak),
            "the rival's share": _share(setting.weights, turns["rival"], peak),
            "GFLOP/s at most": round(peak.rate / 1e9),
            **(product_note(lambda: ours(1)) if name == "default" else {}),
        },
    )


def _speed(turns: Sequence[Measurement]) -> int:
    return round(sum(turn.work for turn in turns) / sum(turn.seconds for turn in turns))


def _share(weights: Weights, turns: Sequence[Measurement], peak: Peak) -> float:
    subwords, seconds = sum(turn.work for turn in turns), sum(turn.seconds for turn in turns)
    return round(peak.share(weights.training_operations(subwords) / seconds), 3)


if __name__ == "__main__":
    program(
        "finetune", measure, rounds=4, size="steps per turn (not by length)", precisions=PRECISIONS
    )
