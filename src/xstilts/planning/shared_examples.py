"""Examples of one input that are trained on and evaluated, or that choose the checkpoint too."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xstilts.core.errors import XstiltsError
from xstilts.core.warn_once import warn_once
from xstilts.planning.data_uses import (
    SELECTED_BY_TRAIN,
    FileUse,
    is_own,
    own_parts_that_select,
    training_uses,
    uses,
    uses_for,
)
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import usable_rows

logger = logging.getLogger(__name__)

SHARED = "%s: %s of %s examples are also in %s, the first at %s: %s"


def warn_of_shared_examples(resolved: ResolvedExperiment) -> None:
    """Warn of evaluated examples, and of dev examples, with the input of another one.

    The other one is in a set for training or for the choice of checkpoints. Reads the rows of own
    tasks, which are compared with one another and with tasks of the same format; what cannot be
    read is left to the stage that reads it. Files and slices that are the same are not compared:
    other checks name them.
    """
    if not resolved.experiment.tasks:
        return
    rows = _RowsByInput(resolved)
    for used, judged, meaning in dict.fromkeys(_compared(resolved)):
        if _is_known(used, judged) or rows.format_of(used) != rows.format_of(judged):
            continue
        found = rows.of(judged)
        if shared := [where for key, where in found.items() if key in rows.of(used)]:
            count, total = (sum(map(len, groups)) for groups in (shared, found.values()))
            place, first = _name(used), shared[0][0]
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
    for selecting in own_parts_that_select(resolved):
        for use in training_uses(resolved, selecting, "train"):
            for judged in training_uses(resolved, selecting, "dev"):
                yield use, judged, SELECTED_BY_TRAIN


def _is_known(used: FileUse, judged: FileUse) -> bool:
    """Whether another check names the rows that both have."""
    overlap = used.task == judged.task and used.share.overlaps(judged.share)
    return overlap or used.shares_rows(judged)


def _name(use: FileUse) -> str:
    return f"{use.task} {use.share.name} {use.language}"


@dataclass
class _RowsByInput:
    """The places of the usable rows of a slice, by their input; each slice is read once."""

    resolved: ResolvedExperiment
    known: dict[str, Mapping[int, list[str]]] = field(default_factory=dict)

    def of(self, use: FileUse) -> Mapping[int, list[str]]:
        """Hash of the input → where its rows are."""
        name = _name(use)
        if name not in self.known:
            self.known[name] = self._read(use)
        return self.known[name]

    def format_of(self, use: FileUse) -> str:
        """The name of the format of its rows."""
        return self._task(use).format_spec.name

    def _task(self, use: FileUse) -> TaskSpec:
        return self.resolved.task(use.task)

    def _read(self, use: FileUse) -> Mapping[int, list[str]]:
        task, split = self._task(use), use.share.split
        found = dict[int, list[str]]()
        try:
            kept, _ = usable_rows(task.read(split, use.language), task, split)
        except (XstiltsError, OSError):
            return found
        for example in kept:
            if use.share.contains(task.alignment_key(example)):
                key = hash(task.format_spec.content(example))
                found.setdefault(key, []).append(example.where or example.id)
        return found
