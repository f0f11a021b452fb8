"""The training loop of intermediate (phase 2) and target (phase 3) training.

Every optimizer step has examples of one task (see `task_sampling`). AdamW with decoupled weight
decay except on biases and LayerNorms; linear warm-up and decay; gradient clipping by norm; evenly
spaced dev evaluations; the best model is kept; resuming from a checkpoint is bitwise exact.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from xstilts.config.recipe import Recipe
from xstilts.core.hashing import seed_of
from xstilts.core.stopping import stopping_between_steps
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.checkpoint_schedule import CheckpointSchedule
from xstilts.training.dev_score import UNDECIDED
from xstilts.training.divergence import Diverged
from xstilts.training.divided_batch import check_equal_weights
from xstilts.training.learning_rate import warmup_events
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import tf32_context
from xstilts.training.predict import UndefinedOutputs
from xstilts.training.process_group import SINGLE, ProcessGroup
from xstilts.training.resume import resume
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

Progress = Callable[[dict[str, Any]], None]
EpochCallback = Callable[[MultiTaskModel], Any]
"""Model after an epoch → a record as JSON; must not use torch's random generator."""


def train(
    model: MultiTaskModel,
    tasks: Sequence[TrainTask],
    recipe: Recipe,
    seed: int,
    pad: int,
    checkpoints: Checkpoints,
    progress: Progress,
    callback: EpochCallback | None = None,
    group: ProcessGroup = SINGLE,
) -> Trained:
    """Train a model on tasks and return its best state on dev.

    Args:
        pad: padding id.
        checkpoints: the run resumes from the newest one, with the same result as a run that was
            not interrupted.
        progress: called after every step.
        callback: called after every epoch; `Log.watched` has the records that it returns.
        group: processes that divide the training, all of which call this with the same arguments;
            process 0 saves the checkpoints.

    A run whose loss, gradient or output on dev is not finite stops, with `diverged` set.

    Raises:
        Stopped: a stop was requested (`core.stopping`); a checkpoint was saved if time allowed.
    """
    torch.manual_seed(seed_of("dropout", seed))
    run = Run(model, tasks, recipe, seed, pad, group)
    first, notes = resume(run, checkpoints)
    try:
        with tf32_context(run.precision), stopping_between_steps():
            steps = _run_steps(run, first, checkpoints, progress, callback)
    except Diverged as error:
        run.log.events.append(str(error))
        return Trained({}, run.log, error.step, notes, str(error))
    if run.recipe.checkpoint == "best" and run.log.best_score in UNDECIDED:
        run.log.events.append(UNDECIDED[run.log.best_score])
    run.log.events += warmup_events(recipe.warmup_steps, len(run.plan))
    return Trained(run.best, run.log, steps, notes)


def _run_steps(
    run: Run,
    first: int,
    checkpoints: Checkpoints,
    progress: Progress,
    callback: EpochCallback | None,
) -> int:
    """Run the steps from `first`; return the number of steps of the run."""
    started, steps = time.monotonic(), first
    saving = CheckpointSchedule(checkpoints, run.recipe.checkpoint_minutes, run.group)
    check_equal_weights(run.group, run.model, steps)
    while steps < len(run.plan) and not run.should_stop():
        loss = run.step(steps)
        steps += 1
        progress(_latest_loss(run, steps, steps - first, loss, time.monotonic() - started))
        if callback and steps in run.epoch_steps:
            try:
                run.log.watched.append(callback(run.model))
            except UndefinedOutputs as error:
                raise Diverged(steps, "an output on train", next(iter(run.tasks))) from error
        if steps in run.eval_steps:
            progress({"step": steps, "steps": len(run.plan), "dev": run.evaluate(steps)})
            if run.should_stop():
                run.log.events.append(f"stopped early at step {steps}")
        saving.after_step(partial(run.checkpoint, steps))
    return steps


def _latest_loss(run: Run, steps: int, done: int, loss: float, seconds: float) -> dict[str, Any]:
    speed = done * run.recipe.batch_size / max(seconds, 1e-9)
    return {"step": steps, "steps": len(run.plan), "loss": loss, "examples_per_second": speed}
