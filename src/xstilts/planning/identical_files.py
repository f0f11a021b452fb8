"""Files of one content that are used twice, which makes scores mean something else."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from xstilts.config.intermediate import TaskRef
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

logger = logging.getLogger(__name__)

SAME = "%s: %s have the same content: %s"
SAME_FILE = "%s: %s is used twice: %s"
TWO_LANGUAGES = "these languages are evaluated on the same examples"


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
    for part in own_parts_that_select(resolved):
        _warn(part.task, _selected_by_train(resolved, part))


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
    own, evaluated = is_own(resolved, target), dict[str, FileUse]()
    part = resolved.split_slice(target, resolved.experiment.eval_split)
    for use in uses(target, part, resolved.languages(target)):
        if own and use.digest in evaluated:
            yield evaluated[use.digest].path, use.path, TWO_LANGUAGES
        evaluated.setdefault(use.digest, use)
    for use, meaning in uses_for(resolved, target):
        other = evaluated.get(use.digest)
        if other and use.shares_rows(other) and (own or use.task in resolved.experiment.tasks):
            yield use.path, other.path, meaning


def _selected_by_train(
    resolved: ResolvedExperiment, part: TaskRef
) -> Iterator[tuple[Path, Path, str]]:
    trained = {use.digest: use for use in training_uses(resolved, part, "train")}
    for use in training_uses(resolved, part, "dev"):
        other = trained.get(use.digest)
        if other and use.shares_rows(other):
            yield other.path, use.path, SELECTED_BY_TRAIN
