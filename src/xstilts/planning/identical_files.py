"""Files of one content that are used twice, which makes scores mean something else."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts.config.intermediate import NO_INTERMEDIATE, TaskRef, parse_setting
from xstilts.config.split_slices import SplitSlice
from xstilts.core.hashing import digest_of_unchanged
from xstilts.core.warn_once import warn_once
from xstilts.planning.evaluation import few_shot_slice, is_few_shot, training_languages
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.shuffled_labels import original_name

logger = logging.getLogger(__name__)

SAME = "%s: %s have the same content: %s"
SAME_FILE = "%s: %s is used twice: %s"
TRAINED_ON = "evaluated examples are trained on"
TEXTS_TRAINED_ON = "evaluated texts are trained on, without their labels"
SELECTED_BY = "checkpoints are chosen by evaluated examples"
SELECTED_BY_TRAIN = "checkpoints are chosen by training examples"
TWO_LANGUAGES = "these languages are evaluated on the same examples"


@dataclass(frozen=True)
class _Use:
    """A slice of a file that an experiment uses.

    Args:
        task: its name, of a control that of the original.
    """

    path: Path
    digest: str
    task: str
    share: SplitSlice

    def shares_rows(self, other: _Use) -> bool:
        """Whether both hold the same examples, and no other check says so.

        Slices of one split are checked by their names: see `validate` and `selection_split`.
        """
        if (self.task, self.share.split) == (other.task, other.share.split):
            return False
        rows, others = (replace(use.share, split="") for use in (self, other))
        return self.digest == other.digest and rows.overlaps(others)


@dataclass(frozen=True)
class _Training:
    """A task that is trained on.

    Args:
        target: the target that it is for; none for what all targets start from.
        selects: whether the checkpoint is chosen on its dev set.
    """

    part: TaskRef
    target: str | None
    selects: bool


def warn_of_identical_files(resolved: ResolvedExperiment) -> None:
    """Warn, once, of evaluated files with the content of another file, and of train and dev.

    The other file is that of another language, or one for training or for the choice of
    checkpoints. Only files of own tasks are compared, with one another and with those of other
    tasks. Files that are empty or cannot be read are left to the stage that reads them.
    """
    if not resolved.experiment.tasks:
        return
    for name in resolved.experiment.targets:
        _warn(name, _identical(resolved, resolved.task(name)))
    for part in dict.fromkeys(one.part for one in _trainings(resolved) if one.selects):
        task = resolved.task(part.task)
        if _is_own(resolved, task) and not task.shuffled_from:
            _warn(task.name, _selected_by_train(resolved, part))


def _warn(name: str, found: Iterable[tuple[Path, Path, str]]) -> None:
    groups = dict[tuple[Path, str], list[str]]()
    for first, second, meaning in found:
        if first.resolve() == second.resolve():
            warn_once(logger, SAME_FILE, name, first.name, meaning)
        else:
            groups.setdefault((first, meaning), [first.name]).append(second.name)
    for (_, meaning), names in groups.items():
        warn_once(logger, SAME, name, ", ".join(dict.fromkeys(names)), meaning)


def _identical(resolved: ResolvedExperiment, target: TaskSpec) -> Iterator[tuple[Path, Path, str]]:
    """Two files of one content, the first evaluated or trained on, and what it means."""
    own, evaluated = _is_own(resolved, target), dict[str, _Use]()
    part = resolved.split_slice(target, resolved.experiment.eval_split)
    for use in _uses(target, part, resolved.languages(target)):
        if own and use.digest in evaluated:
            yield evaluated[use.digest].path, use.path, TWO_LANGUAGES
        evaluated.setdefault(use.digest, use)
    for use, meaning in _uses_for(resolved, target):
        other = evaluated.get(use.digest)
        if other and use.shares_rows(other) and (own or use.task in resolved.experiment.tasks):
            yield use.path, other.path, meaning


def _uses_for(resolved: ResolvedExperiment, target: TaskSpec) -> Iterator[tuple[_Use, str]]:
    """The files from which a target's models are trained and chosen, and what they share."""
    for one in _trainings(resolved):
        if one.target in (None, target.name):
            texts = resolved.task(one.part.task).format_spec.gold is None
            meaning = TEXTS_TRAINED_ON if texts else TRAINED_ON
            yield from ((use, meaning) for use in _training_uses(resolved, one.part, "train"))
            if one.selects and not texts:
                yield from ((use, SELECTED_BY) for use in _training_uses(resolved, one.part, "dev"))
    if is_few_shot(resolved, target):
        seen = training_languages(resolved, target)
        for language in resolved.languages(target):
            share = few_shot_slice(resolved, target, language)
            if share and language not in seen:
                yield from ((use, TRAINED_ON) for use in _uses(target, share, (language,)))


def _selected_by_train(
    resolved: ResolvedExperiment, part: TaskRef
) -> Iterator[tuple[Path, Path, str]]:
    trained = {use.digest: use for use in _training_uses(resolved, part, "train")}
    for use in _training_uses(resolved, part, "dev"):
        other = trained.get(use.digest)
        if other and use.shares_rows(other):
            yield other.path, use.path, SELECTED_BY_TRAIN


def _trainings(resolved: ResolvedExperiment) -> Iterator[_Training]:
    experiment = resolved.experiment
    adapted = [one.adapted_by or NO_INTERMEDIATE for one in experiment.all_encoders]
    for settings, recipe in (
        (experiment.intermediate, resolved.recipe(None)),
        (adapted, resolved.adaptation_recipe),
    ):
        for setting in map(parse_setting, settings):
            for part in setting.parts:
                yield _Training(part, None, recipe.checkpoint == "best")
    for name in experiment.targets:
        target = resolved.task(name)
        if resolved.is_trained(target):
            selects = resolved.recipe(name).checkpoint == "best"
            yield from (_Training(part, name, selects) for part in resolved.train_refs(target))


def _training_uses(resolved: ResolvedExperiment, part: TaskRef, role: str) -> Iterator[_Use]:
    task = resolved.task(part.task)
    languages = part.languages or task.train_languages
    return _uses(task, resolved.split_slice(task, role), languages)


def _is_own(resolved: ResolvedExperiment, task: TaskSpec) -> bool:
    return original_name(task.name) in resolved.experiment.tasks


def _uses(task: TaskSpec, share: SplitSlice, languages: Iterable[str]) -> Iterator[_Use]:
    """A slice of a task's local files that can be read and are not empty."""
    name = original_name(task.name)
    for language in languages:
        for origin in task.origin(share.split, language):
            for path in origin.files:
                if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size:
                    yield _Use(path, digest_of_unchanged(path), name, share)
