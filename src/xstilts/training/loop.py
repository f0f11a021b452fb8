"""The training loop of phases 2 and 3.

One optimizer step sees examples of one task (see `mixture`). AdamW with decoupled decay, none
on biases and LayerNorms; linear warm-up and decay; gradients clipped by norm; English dev
looked at evenly spread times, the best model kept; resumed to the bit from a checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xstilts.config.recipe import Recipe
from xstilts.core.fault_injection import fault
from xstilts.core.hashing import seed_of
from xstilts.formats import training_of
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.spec import TrainingSpec
from xstilts.metrics import METRICS
from xstilts.models.device import compute_device
from xstilts.training.batching import collate
from xstilts.training.checkpoint import Checkpoint, Checkpoints
from xstilts.training.data_parallel_cpu import add_gradients, balanced_shards
from xstilts.training.divergence import Diverged, check_finite
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import autocast_context, resolve_precision, tf32_context
from xstilts.training.predict import predict, read_positions
from xstilts.training.task_sampling import Step, schedule

BETAS = (0.9, 0.999)
UNDECAYED = ("bias", "LayerNorm.weight", "layer_norm.weight", "norm.weight")


@dataclass(frozen=True)
class TrainTask:
    """One task's training and dev features, and the gold of dev as its metric takes it.

    `redraw` gives a training feature a new form each time it is seen (masking); its second
    argument is a seed. `language` is that of dev.
    """

    name: str
    format: str
    labels: tuple[str, ...]
    metric: str
    train: Sequence[Feature]
    dev: Sequence[Feature]
    dev_gold: Sequence[Any]
    language: str = "en"
    reading: TokenizationConfig = field(default_factory=TokenizationConfig)
    augment: Callable[[Feature, int], Feature] | None = None

    @property
    def is_text(self) -> bool:
        """Whether it has no labels: masked language modelling."""
        return self.augment is not None


@dataclass
class Log:
    """What happened, for the learning curves."""

    losses: list[float] = field(default_factory=list)
    dev_steps: list[int] = field(default_factory=list)
    dev_scores: list[dict[str, float]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    best_step: int = 0
    best_score: float = -1.0
    best_decay: float = 1.0
    decay: float = 1.0
    stale: int = 0
    collapsed: list[str] = field(default_factory=list)
    watched: list[Any] = field(default_factory=list)
    precision: str = "fp32"


@dataclass(frozen=True)
class Trained:
    """The best state on dev and the log, the same however often the run was stopped.

    `diverged` says where the loss or the gradient became NaN or infinite, if it did; `notes` list
    resumptions and the precision.
    """

    state: dict[str, Tensor]
    log: Log
    steps: int
    notes: tuple[str, ...]
    diverged: str | None = None


Progress = Callable[[dict[str, Any]], None]
EpochCallback = Callable[[MultiTaskModel], Any]
"""Looks at a model under way and returns what to keep of it, as JSON; draws nothing at random."""


class Run:
    """One training run: everything that a step changes."""

    def __init__(
        self, model: MultiTaskModel, tasks: Sequence[TrainTask], recipe: Recipe, seed: int, pad: int
    ) -> None:
        self.device = compute_device()
        self.precision = resolve_precision(recipe.precision, self.device)
        model.encoder.configure(
            gradient_checkpointing=recipe.gradient_checkpointing, compiled=recipe.compile
        )
        self.tasks = {task.name: task for task in tasks}
        self.recipe, self.seed, self.pad = recipe, seed, pad
        self.plan = schedule(
            {task.name: len(task.train) for task in tasks},
            seed=seed,
            on_top={task.name for task in tasks if task.is_text},
            **recipe.sampling_params(),
        )
        self.model = model.to(self.device)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(model, recipe),
            betas=BETAS,
            eps=recipe.adam_epsilon,
            fused=True,
        )
        self.learned = [value for value in self.model.parameters() if value.requires_grad]
        self.thread_safe = model.encoder.thread_safe and not recipe.gradient_checkpointing
        self.log = Log(precision=self.precision)
        self.best: dict[str, Tensor] = {}  # until dev is looked at
        self.eval_steps = eval_steps(len(self.plan), recipe.num_evals)
        self.epochs = eval_steps(len(self.plan), max(1, round(recipe.epochs)))

    def step(self, number: int) -> float:
        """One optimizer step (counted from 0); returns the mean loss of its batch."""
        fault("train.step")
        todo, share = self.plan[number], self.rate(number)
        for group in self.optimizer.param_groups:
            group["lr"] = share * group["peak"]
        self.model.train()
        loss = self._backward(todo, number)
        check_finite(loss, number, "the loss", todo.task)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.max_grad_norm)
        check_finite(float(norm), number, "the gradient", todo.task)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.log.losses.append(round(loss, 6))
        self.log.decay *= 1 - share * self.recipe.learning_rate * self.recipe.weight_decay
        return loss

    def rate(self, number: int) -> float:
        """Share of the peak learning rate at a step (from 0): linear warm-up, then to 0.

        Source: transformers' get_linear_schedule_with_warmup, which jiant and XTREME use.
        """
        total = len(self.plan)
        warm = math.ceil(self.recipe.warmup_ratio * total)
        rising, falling = number / max(1, warm), (total - number) / max(1, total - warm)
        return rising if number < warm else falling

    def _backward(self, todo: Step, number: int) -> float:
        """Gradients of the mean loss over a batch, computed in slices of it."""
        task = self.tasks[todo.task]
        kind = training_of(task.format)
        features = [task.train[place] for place in todo.examples]
        if task.augment:
            features = [
                task.augment(feature, seed_of("redraw", self.seed, number, row))
                for row, feature in enumerate(features)
            ]
        size = -(-len(features) // self.recipe.gradient_accumulation_steps)
        slices = [features[start : start + size] for start in range(0, len(features), size)]
        count = max(1, sum(kind.count(self._targets(kind, part)) for part in slices))

        def loss_of(part: Sequence[Feature]) -> Tensor:
            return self._loss(todo.task, kind, part) / count

        return sum(self._add_gradients(kind, part, loss_of) for part in slices)

    def _add_gradients(
        self,
        kind: TrainingSpec,
        features: list[Feature],
        loss_of: Callable[[Sequence[Feature]], Tensor],
    ) -> float:
        """Add a slice's gradients to the parameters', and return its loss."""
        parts = list(balanced_shards(features, tied=kind.tied)) if self.thread_safe else [features]
        if len(parts) > 1:
            return add_gradients(self.learned, parts, loss_of)
        loss = loss_of(features)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _loss(self, task: str, kind: TrainingSpec, features: Sequence[Feature]) -> Tensor:
        """The loss of some features, summed over targets."""
        batch = collate(features, self.pad).to(self.device)
        with autocast_context(self.precision, self.device):
            places = read_positions(kind, features, self.device)
            logits = self.model(task, batch.ids, batch.mask, batch.types, places)
        return kind.loss(logits, self._targets(kind, features).to(self.device))

    def _targets(self, kind: TrainingSpec, features: Sequence[Feature]) -> Tensor:
        return kind.targets(features, max(one.max_tokens for one in features))

    def evaluate(self, steps: int) -> dict[str, float]:
        """Score every task's dev set after some steps; keep the model if it is the best.

        The best has the largest mean of the tasks' main metrics, all between 0 and 1. Masked
        language modelling beside tasks with labels has no say in it. With `checkpoint: last` every
        look's model takes the place of the one before, and tasks without dev are not scored.
        """
        scores, fallen = dict[str, float](), list[str]()
        for task in (task for task in self.tasks.values() if task.dev):
            dev = (task.name, task.format, task.dev, task.labels, self.pad, task.reading)
            found = predict(self.model, *dev)
            metric = METRICS.get(task.metric)
            sums = metric.statistics(task.dev_gold, found, task.language).sum(0)
            scores[task.name] = round(float(np.nan_to_num(metric.value(sums))), 6)
            if not task.is_text:
                collapsed = training_of(task.format).collapsed(task.dev_gold, found)
                fallen += [task.name] if collapsed else []
        judged = [name for name in scores if not self.tasks[name].is_text] or list(scores)
        mean = sum(scores[name] for name in judged) / max(1, len(judged))
        self.log.dev_steps.append(steps)
        self.log.dev_scores.append(scores)
        self.log.stale += 1
        if mean > self.log.best_score or self.recipe.checkpoint == "last":
            self.log.best_score, self.log.best_step, self.log.stale = mean, steps, 0
            self.log.best_decay, self.log.collapsed = self.log.decay, fallen
            self.best = _copy(self.model)
        return scores

    def should_stop(self) -> bool:
        """Whether dev has not risen for as many looks as the recipe's patience."""
        return self.recipe.patience is not None and self.log.stale >= self.recipe.patience

    def checkpoint(self, steps: int) -> Checkpoint:
        """Everything that the rest of the run depends on, after some steps."""
        tensors = {f"model.{name}": value for name, value in _copy(self.model).items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        return Checkpoint(steps, tensors, asdict(self.log))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint as if the run had never stopped."""
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
        for name, value in checkpoint.tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = value
        self.model.load_state_dict(parts["model"])
        self.best = parts["best"]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in parts["optimizer"].items():
            number, _, moment = name.partition(".")
            state.setdefault(int(number), {})[moment] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        torch.set_rng_state(checkpoint.tensors["random.cpu"])
        if "random.cuda" in checkpoint.tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint.tensors["random.cuda"])
        self.log = Log(**checkpoint.facts)


def train(
    model: MultiTaskModel,
    tasks: Sequence[TrainTask],
    recipe: Recipe,
    seed: int,
    pad: int,
    checkpoints: Checkpoints,
    progress: Progress,
    watch: EpochCallback | None = None,
) -> Trained:
    """Train a model on tasks and return its best state on English dev.

    `watch` sees the model after each epoch; what it returns is in `Log.watched`. It changes
    nothing.

    A run that loses its numbers ends there, with `diverged` set. If a checkpoint is there,
    the run goes on from it and ends in the same weights as one that was never stopped.
    """
    torch.manual_seed(seed_of("dropout", seed))
    run = Run(model, tasks, recipe, seed, pad)
    first, notes = _resume(run, checkpoints)
    try:
        with tf32_context(run.precision):
            steps = _steps(run, first, checkpoints, progress, watch)
    except Diverged as trouble:
        run.log.events.append(str(trouble))
        return Trained({}, run.log, trouble.step, notes, str(trouble))
    return Trained(run.best, run.log, steps, notes)


def _steps(
    run: Run, first: int, checkpoints: Checkpoints, progress: Progress, watch: EpochCallback | None
) -> int:
    """Run the steps from `first` on; returns how many there have been then."""
    started = saved = time.monotonic()
    steps = first
    while steps < len(run.plan) and not run.should_stop():
        loss = run.step(steps)
        steps += 1
        progress(_latest_loss(run, steps, steps - first, loss, time.monotonic() - started))
        if watch and steps in run.epochs:
            run.log.watched.append(watch(run.model))
        if steps in run.eval_steps:
            progress({"step": steps, "steps": len(run.plan), "dev": run.evaluate(steps)})
            if run.should_stop():
                run.log.events.append(f"stopped early at step {steps}")
        if time.monotonic() - saved > 60 * run.recipe.checkpoint_minutes:
            checkpoints.save(run.checkpoint(steps))
            saved = time.monotonic()
    return steps


def eval_steps(steps: int, count: int) -> frozenset[int]:
    """After which steps dev is looked at: evenly spread, the last step always among them."""
    return frozenset(max(1, round(steps * (index + 1) / count)) for index in range(count))


def parameter_groups(model: MultiTaskModel, recipe: Recipe) -> list[dict[str, Any]]:
    """Encoder and heads, each with and without weight decay (biases and LayerNorms)."""
    groups = []
    head_rate = recipe.head_learning_rate or recipe.learning_rate
    for part, peak in ((model.encoder, recipe.learning_rate), (model.heads, head_rate)):
        named = list(part.named_parameters())
        for spared, decay in ((False, recipe.weight_decay), (True, 0.0)):
            chosen = [value for name, value in named if name.endswith(UNDECAYED) == spared]
            groups.append({"params": chosen, "weight_decay": decay, "lr": peak, "peak": peak})
    return groups


def _resume(run: Run, checkpoints: Checkpoints) -> tuple[int, tuple[str, ...]]:
    """The step to resume from (0 without a checkpoint), and notes for the provenance."""
    checkpoint, complaints = checkpoints.newest()
    notes = () if run.precision == "fp32" else (f"computed in {run.precision}",)
    if checkpoint is None:
        return 0, (*complaints, *notes)
    before = checkpoint.facts.get("precision", "fp32")
    if before != run.precision:
        return 0, (*complaints, *notes, f"restarted: the checkpoint was computed in {before}")
    run.restore(checkpoint)
    return checkpoint.step, (*complaints, *notes, f"resumed from step {checkpoint.step}")


def _latest_loss(run: Run, steps: int, done: int, loss: float, seconds: float) -> dict[str, Any]:
    speed = done * run.recipe.batch_size / max(seconds, 1e-9)
    return {"step": steps, "steps": len(run.plan), "loss": loss, "examples_per_second": speed}


def _copy(model: torch.nn.Module) -> dict[str, Tensor]:
    """The model's state on the CPU, apart from the model."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
