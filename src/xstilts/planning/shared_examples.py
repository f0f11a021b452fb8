"""Examples of one input that are trained on and evaluated, or that choose the checkpoint too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from xstilts.core.errors import XstiltsError
from xstilts.core.warn_once import warn_once
from xstilts.formats.base import Example
from xstilts.formats.input_hashes import Hashes, are_in, input_hashes
from xstilts.planning.data_uses import (
    SELECTED_BY_TRAIN,
    FileUse,
    is_own,
    own_parts_that_select,
    training_uses,
    trainings,
    uses,
    uses_for,
)
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import usable_rows

logger = logging.getLogger(__name__)

TRAINED_BEFORE = "the target's training examples are intermediate training's too"
SHARED = "%s: %s of %s examples are also in %s, the first at %s: %s"


def warn_of_shared_examples(resolved: ResolvedExperiment) -> None:
    """Warn of evaluated, dev and training examples with the input of another one.

    The other one is in a set for training or for the choice of checkpoints; of a target's training
    examples, in an earlier training with labels. Reads the rows of own
    tasks, which are compared with one another and with tasks of the same format; what cannot be
    read is left to the stage that reads it. Files and slices that are the same are not compared:
    other checks name them.
    """
    if not resolved.experiment.tasks:
        return
    rows = _Inputs(resolved)
    for used, judged, meaning in dict.fromkeys(_compared(resolved)):
        formats = (resolved.task(one.task).format for one in (used, judged))
        if _is_known(used, judged) or len(set(formats)) > 1:
            continue
        places, hashes = rows.of(judged)
        shared = are_in(hashes, np.unique(rows.of(used)[1]))
        if shared.any():
            place, first = _name(used), places[shared.argmax()]
            count, total = shared.sum(), len(places)
            warn_once(logger, SHARED, _name(judged), count, total, place, first, meaning)


def _compared(resolved: ResolvedExperiment) -> Iterator[tuple[FileUse, FileUse, str]]:
    """(file in training, file that judges its models, what it means if they share examples)."""
    for name in resolved.experiment.targets:
        target = resolved.task(name)
        part = resolved.split_slice(target, resolved.experiment.eval_split)
        evaluated = list(uses(target, part, resolved.languages(target)))
        for use, meaning in uses_for(resolved, target):
            if is_own(resolved, target) or use.task in resolved.experiment.tasks:
                yield from ((use, judged, meaning) for judged in evaluated)
        yield from _trained_twice(resolved, target)
    for selecting in own_parts_that_select(resolved):
        for use in training_uses(resolved, selecting, "train"):
            for judged in training_uses(resolved, selecting, "dev"):
                yield use, judged, SELECTED_BY_TRAIN


def _trained_twice(
    resolved: ResolvedExperiment, target: TaskSpec
) -> Iterator[tuple[FileUse, FileUse, str]]:
    """Labelled sets of intermediate tasks, each with each set that the target is trained on."""
    if not resolved.is_trained(target):
        return
    refs = resolved.train_refs(target)
    own = [use for ref in refs for use in training_uses(resolved, ref, "train")]
    for one in trainings(resolved):
        task = resolved.task(one.part.task)
        if one.target or task.shuffled_from or task.format_spec.gold is None:
            continue
        if is_own(resolved, task) or any(use.task in resolved.experiment.tasks for use in own):
            for use in training_uses(resolved, one.part, "train"):
                yield from ((use, judged, TRAINED_BEFORE) for judged in own)


def _is_known(used: FileUse, judged: FileUse) -> bool:
    """Whether another check names the rows that both have."""
    overlap = used.task == judged.task and used.share.overlaps(judged.share)
    return overlap or used.shares_rows(judged)


def _name(use: FileUse) -> str:
    return f"{use.task} {use.share.name} {use.language}"


@dataclass
class _Inputs:
    """The places of the usable rows of slices, and the hashes of their inputs.

    Each slice is read once; of one that cannot be read there are none.
    """

    resolved: ResolvedExperiment
    known: dict[str, tuple[list[str], Hashes]] = field(default_factory=dict)

    def of(self, use: FileUse) -> tuple[list[str], Hashes]:
        """Files and lines, or ids, and the hashes of a slice."""
        name = _name(use)
        if name not in self.known:
            task = self.resolved.task(use.task)
            examples = _examples(task, use)
            places = [example.where or example.id for example in examples]
            self.known[name] = places, input_hashes(task.format_spec, examples)
        return self.known[name]


def _examples(task: TaskSpec, use: FileUse) -> list[Example]:
    split = use.share.split
    try:
        kept, _ = usable_rows(task.read(split, use.language), task, split)
    except (XstiltsError, OSError):
        return []
    return [example for example in kept if use.share.contains(task.alignment_key(example))]
