"""`dynamics`: training dynamics: the model's gold probabilities of training examples per epoch.

Confidence, variability and correctness as in Swayamdipta et al. (2020), of a training that is,
bit for bit, that of a `train` stage; its weights are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import write_rows
from xstilts.stages.train import training
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.loop import EpochCallback
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.train_task import TrainTask

DYNAMICS = "dynamics.parquet"
EPOCH_RECORDS = 500
"""Training examples that are recorded: the first ones; parts and windows count as examples."""


def run(context: StageContext) -> dict[str, Any]:
    """Write `dynamics.parquet` (id, epoch, probability, correct); facts: means over examples.

    `probability` is that of the gold answer (see `GoldProbabilities`), `correct` the share
    of its choices that are right. Variability is the deviation over epochs, divided by their
    number. Takes one task.
    """
    ids: list[str] = []

    def watcher(tasks: Sequence[TrainTask], padding: int) -> EpochCallback:
        (task,) = tasks
        features = task.train[:EPOCH_RECORDS]
        ids.extend(feature.id for feature in features)

        def watch(model: MultiTaskModel) -> list[list[float]]:
            gold = gold_probabilities(model, task.name, task.format, features, padding)
            correct = gold.correct / np.maximum(gold.decisions, 1)
            return [gold.probability.tolist(), correct.tolist()]

        return watch

    trained = training(context, watcher).trained
    context.notes += [note for note in trained.notes if note not in context.notes]
    if trained.diverged:
        return {"diverged": trained.diverged, "steps": trained.steps}
    watched = np.array(trained.log.watched)  # [epochs, 2, examples]
    write_rows(context.folder / DYNAMICS, _rows(ids, trained.log.watched))
    probability, correct = watched[:, 0], watched[:, 1]
    return {
        "confidence": round(float(probability.mean()), 10),
        "variability": round(float(probability.std(axis=0).mean()), 10),
        "correctness": round(float(correct.mean()), 10),
        "examples": len(ids),
        "epochs": len(watched),
    }


def _rows(ids: Sequence[str], watched: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"id": name, "epoch": epoch, "probability": probability, "correct": correct}
        for epoch, (probabilities, corrects) in enumerate(watched, start=1)
        for name, probability, correct in zip(ids, probabilities, corrects, strict=True)
    ]
