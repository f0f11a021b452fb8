"""State of a training run: model, optimizer and log, and what each step does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from xstilts.config.recipe import Recipe
from xstilts.core.fault_injection import fault, or_fault
from xstilts.core.hashing import seed_of
from xstilts.core.notices import notice
from xstilts.formats import training_of
from xstilts.models.device import compute_device
from xstilts.training.batch_gradients import BatchGradients
from xstilts.training.batch_loss import BatchLoss
from xstilts.training.checkpoint import Checkpoint
from xstilts.training.dev_score import UNDECIDED, score_dev, undefined
from xstilts.training.divergence import Diverged, check_finite
from xstilts.training.divided_batch import check_equal_weights, sum_gradients
from xstilts.training.eval_steps import eval_steps
from xstilts.training.learning_rate import lr_factor
from xstilts.training.model_state import different_weights, load_trained_state, trained_state
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.optimizer import Optimizer, gradient_norm
from xstilts.training.out_of_memory import in_smaller_slices
from xstilts.training.parameter_groups import parameter_groups
from xstilts.training.precision import resolve_precision
from xstilts.training.predict import UndefinedOutputs, predict
from xstilts.training.process_group import SINGLE, ProcessGroup
from xstilts.training.run_log import Log, computed_with, resumed_log
from xstilts.training.task_sampling import Step, schedule, steps_per_task
from xstilts.training.train_task import TrainTask

BETA1 = 0.9


class Run:
    """State of a training run, from its first step or a checkpoint."""

    def __init__(
        self,
        model: MultiTaskModel,
        tasks: Sequence[TrainTask],
        recipe: Recipe,
        seed: int,
        pad: int,
        group: ProcessGroup = SINGLE,
    ) -> None:
        self.device = compute_device()
        self.precision = resolve_precision(recipe.precision, self.device)
        model.encoder.configure(
            gradient_checkpointing=recipe.gradient_checkpointing, compiled=recipe.compile
        )
        self.tasks = {task.name: task for task in tasks}
        self.recipe, self.seed, self.pad, self.group = recipe, seed, pad, group
        self.plan = schedule(
            {task.name: len(task.train) for task in tasks},
            seed=seed,
            extra_tasks={task.name for task in tasks if task.is_text},
            **recipe.sampling_params(),
        )
        self.model = model.to(self.device)
        self.optimizer = Optimizer(
            parameter_groups(model, recipe),
            betas=(BETA1, recipe.adam_beta2),
            eps=recipe.adam_epsilon,
        )
        self.trainable = [value for value in self.model.parameters() if value.requires_grad]
        self.thread_safe = model.encoder.thread_safe and not recipe.gradient_checkpointing
        self.log = Log(
            precision=self.precision, computed_with=computed_with(self.device, group.size)
        )
        self.best: dict[str, Tensor] = {}  # until the first evaluation
        self.eval_steps = eval_steps(len(self.plan), recipe.num_evals, recipe.eval_steps)
        self.epoch_steps = eval_steps(len(self.plan), max(1, round(self._epochs())))

    def _epochs(self) -> float:
        """Passes over the training data: those of the recipe, or fewer because of `max_steps`."""
        sampling = {**self.recipe.sampling_params(), "max_steps": None}
        extra = {task.name for task in self.tasks.values() if task.is_text}
        sizes = {task.name: len(task.train) for task in self.tasks.values()}
        full = sum(steps_per_task(sizes, extra_tasks=extra, **sampling).values())
        return self.recipe.epochs * len(self.plan) / full

    def step(self, number: int) -> float:
        """Run an optimizer step (counted from 0); return the mean loss of its batch."""
        fault("train.step")
        step, factor = self.plan[number], lr_factor(number, len(self.plan), self.recipe)
        for group in self.optimizer.groups:
            group["lr"] = factor * group["peak_lr"]
        self.model.train()
        if self.group.size > 1:  # from the step alone, so that a resumed run draws the same
            torch.manual_seed(seed_of("dropout", self.seed, number, self.group.rank))
        loss = self._backward(step, number)
        check_finite(loss, number, "the loss", step.task)
        norm = gradient_norm(self.trainable)
        check_finite(float(norm), number, "the gradient", step.task)
        self.optimizer.step(norm, self.recipe.max_grad_norm)
        self.optimizer.zero_grad()
        self.log.losses.append(round(loss, 6))
        self.log.decay *= 1 - factor * self.recipe.learning_rate * self.recipe.weight_decay
        return loss

    def _backward(self, step: Step, number: int) -> float:
        """Accumulate the gradients of the mean loss of a batch; return the loss."""
        task = self.tasks[step.task]
        training = training_of(task.format)
        features = [task.train[index] for index in step.examples]
        if task.augment:
            features = [
                task.augment(feature, seed_of("redraw", self.seed, number, row))
                for row, feature in enumerate(features)
            ]
        loss = BatchLoss(
            self.model,
            step.task,
            training,
            features,
            self.pad,
            self.precision,
            training.contrastive.with_recipe(self.recipe),
        )
        gradients = BatchGradients(loss, self.trainable, self.thread_safe, self.group)
        value, slices = in_smaller_slices(
            gradients.add, self.slices, gradients.examples, self.device, self.optimizer.zero_grad
        )
        while self.slices < slices:
            self._halve_slices(number, gradients.examples)
        return sum_gradients(self.group, self.trainable, or_fault("train.loss", value))

    @property
    def slices(self) -> int:
        """Number of slices of a process's examples: doubled each time that memory was exhausted."""
        of_process = -(-self.recipe.gradient_accumulation_steps // self.group.size)
        return of_process << len(self.log.halved_slices)

    def _halve_slices(self, number: int, examples: int) -> None:
        before, now = (-(-examples // slices) for slices in (self.slices, 2 * self.slices))
        text = f"out of memory at step {number + 1}: slices of {now} examples instead of {before}"
        self.log.halved_slices.append(text)
        notice(text)

    def evaluate(self, steps: int) -> dict[str, float]:
        """Score the dev set of every task after some steps; keep the model if it is the best.

        The best model has the highest mean of the tasks' main metrics, all at most 1. Masked
        language modelling counts only if no task has labels. With `checkpoint: last`, or while the
        mean is 0 or not defined, the model of the latest evaluation is kept. A correlation that is
        not defined counts as -1: any other model is better. Tasks without dev are not scored.

        Raises:
            DifferentWeights: the processes of a divided training do not have the same model.
            Diverged: some outputs on dev are not finite.
        """
        check_equal_weights(self.group, self.model, steps)
        scores, comparable, collapsed = dict[str, float](), dict[str, float](), list[str]()
        for task in (task for task in self.tasks.values() if task.dev):
            predictions = self._dev_predictions(task, steps)
            score = score_dev(task.metric, task.dev_gold, predictions, task.language)
            scores[task.name], comparable[task.name] = score.value, score.comparable
            if not score.is_defined:
                self.log.events.append(undefined(task.metric, task.name, steps))
            if not task.is_text:
                is_collapsed = training_of(task.format).collapsed(task.dev_gold, predictions)
                collapsed += [task.name] if is_collapsed else []
        counted = [name for name in scores if not self.tasks[name].is_text] or list(scores)
        mean = sum(comparable[name] for name in counted) / max(1, len(counted))
        self.log.dev_steps.append(steps)
        self.log.dev_scores.append(scores)
        self.log.stale += 1
        improved = mean > self.log.best_score or self.recipe.checkpoint == "last"
        if improved:
            self.log.stale = 0
        if improved or (mean == self.log.best_score and mean in UNDECIDED):
            self.log.best_score, self.log.best_step = mean, steps
            self.log.best_decay, self.log.collapsed = self.log.decay, collapsed
            self.best = trained_state(self.model)
        return scores

    def _dev_predictions(self, task: TrainTask, steps: int) -> Sequence[Any]:
        dev = (task.name, task.format, task.dev, task.labels, self.pad, task.reading)
        try:
            return predict(self.model, *dev, group=self.group)
        except UndefinedOutputs as error:
            raise Diverged(steps, "an output on dev", task.name) from error

    def should_stop(self) -> bool:
        """Whether dev has not improved for `patience` evaluations."""
        return self.recipe.patience is not None and self.log.stale >= self.recipe.patience

    def checkpoint(self, steps: int) -> Checkpoint:
        """Return the complete state after some steps, for a checkpoint."""
        tensors = {f"model.{name}": value for name, value in trained_state(self.model).items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for number, state in self.optimizer.state.items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        return Checkpoint(steps, tensors, asdict(self.log))

    def other_weights(self, checkpoint: Checkpoint) -> list[str]:
        """Weights that a checkpoint lacks or has otherwise: of another view or other adapters."""
        prefix = "model."
        names = (name for name in checkpoint.tensors if name.startswith(prefix))
        state = {name.removeprefix(prefix): checkpoint.tensors[name] for name in names}
        return different_weights(self.model, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore the state of a checkpoint."""
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
        for name, value in checkpoint.tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = value
        load_trained_state(self.model, parts["model"])
        self.best = parts["best"]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in parts["optimizer"].items():
            number, _, moment = name.partition(".")
            state.setdefault(int(number), {})[moment] = value
        self.optimizer.load_state(state)
        torch.set_rng_state(checkpoint.tensors["random.cpu"])
        if "random.cuda" in checkpoint.tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint.tensors["random.cuda"])
        self.log = resumed_log(checkpoint.facts, checkpoint.step, self.log.computed_with)
