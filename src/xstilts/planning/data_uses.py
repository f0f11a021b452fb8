"""The data that an experiment trains on, chooses checkpoints by and evaluates, file by file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts.config.intermediate import NO_INTERMEDIATE, TaskRef, parse_setting
from xstilts.config.split_slices import SplitSlice
from xstilts.core.hashing import digest_of_unchanged
from xstilts.planning.evaluation import few_shot_slice, is_few_shot, training_languages
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.shuffled_labels import original_name

TRAINED_ON = "evaluated examples are trained on"
TEXTS_TRAINED_ON = "evaluated texts are trained on, without their labels"
SELECTED_BY = "checkpoints are chosen by evaluated examples"
SELECTED_BY_TRAIN = "checkpoints are chosen by training examples"


@dataclass(frozen=True)
class FileUse:
    """A slice of a file that an experiment uses.

    Args:
        task: its name, of a control that of the original.
    """

    path: Path
    digest: str
    task: str
    share: SplitSlice
    language: str

    def shares_rows(self, other: FileUse) -> bool:
        """Whether both hold the same examples, and no other check says so.

        Slices of one split are checked by their names: see `validate` and `selection_split`.
        """
        if (self.task, self.share.split) == (other.task, other.share.split):
            return False
        rows, others = (replace(use.share, split="") for use in (self, other))
        return self.digest == other.digest and rows.overlaps(others)


@dataclass(frozen=True)
class TrainedPart:
    """A task that is trained on.

    Args:
        target: the target that it is for; none for what all targets start from.
        selects: whether the checkpoint is chosen on its dev set.
    """

    part: TaskRef
    target: str | None
    selects: bool


def uses_for(resolved: ResolvedExperiment, target: TaskSpec) -> Iterator[tuple[FileUse, str]]:
    """The files from which a target's models are trained and chosen, and what they share."""
    for one in trainings(resolved):
        if one.target in (None, target.name):
            texts = resolved.task(one.part.task).format_spec.gold is None
            meaning = TEXTS_TRAINED_ON if texts else TRAINED_ON
            yield from ((use, meaning) for use in training_uses(resolved, one.part, "train"))
            if one.selects and not texts:
                yield from ((use, SELECTED_BY) for use in training_uses(resolved, one.part, "dev"))
    if is_few_shot(resolved, target):
        seen = training_languages(resolved, target)
        for language in resolved.languages(target):
            share = few_shot_slice(resolved, target, language)
            if share and language not in seen:
                yield from ((use, TRAINED_ON) for use in uses(target, share, (language,)))


def trainings(resolved: ResolvedExperiment) -> Iterator[TrainedPart]:
    """What an experiment trains on, in all phases."""
    experiment = resolved.experiment
    adapted = [one.adapted_by or NO_INTERMEDIATE for one in experiment.all_encoders]
    for settings, recipe in (
        (experiment.intermediate, resolved.recipe(None)),
        (adapted, resolved.adaptation_recipe),
    ):
        for setting in map(parse_setting, settings):
            for part in setting.parts:
                yield TrainedPart(part, None, recipe.checkpoint == "best")
    for name in experiment.targets:
        target = resolved.task(name)
        if resolved.is_trained(target):
            selects = resolved.recipe(name).checkpoint == "best"
            yield from (TrainedPart(part, name, selects) for part in resolved.train_refs(target))


def own_parts_that_select(resolved: ResolvedExperiment) -> Iterator[TaskRef]:
    """The user's own tasks whose dev sets choose a checkpoint, each once; no controls."""
    for part in dict.fromkeys(one.part for one in trainings(resolved) if one.selects):
        task = resolved.task(part.task)
        if is_own(resolved, task) and not task.shuffled_from:
            yield part


def training_uses(resolved: ResolvedExperiment, part: TaskRef, role: str) -> Iterator[FileUse]:
    """The files of the train or dev set of a task that is trained on."""
    task = resolved.task(part.task)
    languages = part.languages or task.train_languages
    return uses(task, resolved.split_slice(task, role), languages)


def is_own(resolved: ResolvedExperiment, task: TaskSpec) -> bool:
    """Whether the experiment itself describes a task, or that of which it is the control."""
    return original_name(task.name) in resolved.experiment.tasks


def uses(task: TaskSpec, share: SplitSlice, languages: Iterable[str]) -> Iterator[FileUse]:
    """A slice of a task's local files that can be read and are not empty."""
    name = original_name(task.name)
    for language in languages:
        for origin in task.origin(share.split, language):
            for path in origin.files:
                if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size:
                    yield FileUse(path, digest_of_unchanged(path), name, share, language)
