"""What does not fit together in an experiment is said before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xstilts.config.experiment import Experiment
from xstilts.config.setting import Setting
from xstilts.core.errors import ConfigError, UnknownName
from xstilts.formats import TRAINED
from xstilts.metrics import METRICS
from xstilts.tasks.base import TaskSpec

ENGLISH = "en"

Find = Callable[[str, str], TaskSpec]
"""(task name, where it is named) → the task; raises UnknownName."""


def check(experiment: Experiment, settings: Sequence[Setting], find: Find) -> None:
    """Refuse names that do not exist, and tasks that cannot play the part they are given.

    Raises:
        ConfigError: says where in the experiment, and what to do.
    """
    for name in experiment.targets:
        _check_target(find(name, "targets"), experiment)
    for setting in settings:
        for name in sorted(setting.tasks):
            _check_data(find(name, "intermediate"), experiment)
            _check_trainable(find(name, "intermediate"), "intermediate")
    _check_languages(experiment, find)
    for name in experiment.task_limits:
        find(name, "task_limits")
    for name in experiment.recipes.tasks:
        if name not in experiment.targets:
            raise UnknownName("target", name, experiment.targets, where="recipes.tasks")


def _check_target(task: TaskSpec, experiment: Experiment) -> None:
    _check_data(task, experiment)
    _check_metrics(task)
    if task.format in TRAINED:
        _check_trainable(task, "targets")
    split = experiment.evaluate
    languages = task.languages_of(split)
    if task.format not in TRAINED and ENGLISH not in languages:
        raise ConfigError(
            f"{task.name} has no {ENGLISH} {split} split to search in", where=f"tasks.{task.name}"
        )
    if experiment.languages != "all" and not set(languages) & set(experiment.languages):
        raise ConfigError(
            f"{task.name} has no {split} split in the languages asked for",
            where="languages",
            todo=f"it has {', '.join(languages) or 'none'}",
        )


def _check_data(task: TaskSpec, experiment: Experiment) -> None:
    if task.at and not experiment.data:
        raise ConfigError(
            f"{task.name} is read from files that you have",
            where="data",
            todo=f"give the folder of {task.source}: data: FOLDER in the experiment, or --data",
        )


def _check_trainable(task: TaskSpec, where: str) -> None:
    if task.format not in TRAINED:
        raise ConfigError(
            f"{task.name} is a {task.format} task, which is not trained",
            where=where,
            todo="it can only be a target",
        )
    _check_metrics(task)
    for split in ("train", "dev"):
        if task.train_language not in task.splits.get(split, ()):
            raise ConfigError(
                f"{task.name} has no {task.train_language} {split} split",
                where=where,
                todo="phases 2 and 3 train on it and choose the best checkpoint by its dev",
            )


def _check_metrics(task: TaskSpec) -> None:
    where = f"tasks.{task.name}.metrics"
    for name in task.metrics:
        metric = METRICS.get(name, where=where)
        if task.format not in metric.formats:
            raise ConfigError(
                f"the metric {name} does not fit the format {task.format}",
                where=where,
                todo=f"it scores {', '.join(metric.formats)}",
            )


def _check_languages(experiment: Experiment, find: Find) -> None:
    if experiment.languages == "all":
        return
    known = {code for name in experiment.targets for code in find(name, "targets").languages}
    for code in experiment.languages:
        if code not in known:
            raise UnknownName("language of the targets", code, known, where="languages")
