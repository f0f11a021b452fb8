"""Retry in fp32 of a training that diverged in bf16.

The second attempt begins at step 0 with the weights that the stage starts from, read from their
files once more, and with the same seeds: its result is that of a recipe with `precision: fp32`.
The first attempt stays visible as `FirstAttempt`. It is written next to the checkpoints, so that an
interrupted second attempt resumes in fp32.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xstilts.config.recipe import Recipe
from xstilts.core.atomic_io import write_json
from xstilts.core.hashing import digest_of
from xstilts.core.notices import notice
from xstilts.training.checkpoint import DAMAGE, Checkpoints
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.out_of_memory import free_memory
from xstilts.training.run_log import Trained

FILE = "first_attempt.json"
NAN_RETRY = "fp32"


@dataclass(frozen=True)
class FirstAttempt:
    """The attempt in bf16 that diverged.

    Args:
        diverged: where.
        losses: of each step.
        dev: step and scores of each dev evaluation.
    """

    diverged: str
    losses: list[float]
    dev: list[dict[str, Any]]
    precision: str = "bf16"

    @classmethod
    def of(cls, trained: Trained) -> FirstAttempt:
        """The attempt with this result."""
        assert trained.diverged
        log = trained.log
        return cls(trained.diverged, log.losses, log.dev_evaluations, log.precision)

    @property
    def text(self) -> str:
        """What happened, in one line."""
        return f"{self.diverged} in {self.precision}: trained in fp32 from step 0"


Attempt = Callable[[Recipe], tuple[Trained, MultiTaskModel]]
"""Builds a model from files and trains it with a recipe."""


def train_with_retry(
    attempt: Attempt, recipe: Recipe, checkpoints: Checkpoints, *, records: bool = True
) -> tuple[Trained, MultiTaskModel, FirstAttempt | None]:
    """Return the result of a training, its model, and its first attempt if that diverged in bf16.

    Args:
        checkpoints: of the stage.
        records: whether this process writes the record of the first attempt.
    """
    first = _saved(checkpoints)
    resumed = first is not None
    if first is None:
        trained, model = attempt(recipe)
        if not _is_retried(trained, recipe):
            return trained, model, None
        first = FirstAttempt.of(trained)
        if records:
            checkpoints.clear()  # before the record: one next to it is of the second attempt
            _save(first, checkpoints)
        notice(first.text)
        del trained, model  # their memory is needed
        free_memory()
    second, model = attempt(recipe.model_copy(update={"precision": NAN_RETRY}))
    return _after(first, second, resumed=resumed), model, first


def _after(first: FirstAttempt, second: Trained, *, resumed: bool) -> Trained:
    """The result of the second attempt, with the first one among its events."""
    diverged = second.diverged
    return replace(
        second,
        log=replace(second.log, events=[first.text, *second.log.events]),
        notes=(first.text, *second.notes) if resumed else second.notes,
        diverged=diverged and f"{diverged} in fp32; before, {first.diverged} in {first.precision}",
    )


def _is_retried(trained: Trained, recipe: Recipe) -> bool:
    bf16 = trained.log.precision == "bf16"
    return bf16 and trained.diverged is not None and recipe.nan_retry == NAN_RETRY


def _save(first: FirstAttempt, checkpoints: Checkpoints) -> None:
    record = {"key": checkpoints.key, "attempt": asdict(first)}
    write_json(_path(checkpoints), {**record, "self": digest_of(record)})


def _saved(checkpoints: Checkpoints) -> FirstAttempt | None:
    """The first attempt of an interrupted retry; a damaged record is ignored."""
    path = _path(checkpoints)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        digest = record.pop("self")
        if digest != digest_of(record) or record["key"] != checkpoints.key:
            return None
        return FirstAttempt(**record["attempt"])
    except (*DAMAGE, AttributeError, TypeError):
        return None


def _path(checkpoints: Checkpoints) -> Path:
    return checkpoints.folder / FILE
