"""Validate an experiment before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.config.intermediate import NO_INTERMEDIATE, IntermediateSetting, TaskRef, parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.formats import FORMATS
from xstilts.languages.unknown import unknown_language
from xstilts.metrics import METRICS
from xstilts.planning.distinct_rows import check_distinct_rows, check_overlap
from xstilts.planning.head_names import check_head_names
from xstilts.planning.hub_revisions import check_revisions
from xstilts.planning.missing_splits import (
    missing_splits,
    split_named_otherwise,
    todo_without_split,
)
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.withheld_images import check_control, check_same_images, check_withheld_images
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.shuffled_labels import is_control, original_name
from xstilts.tasks.tasksource.names import PREFIX, is_tasksource

ENGLISH = "en"


def check(resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]) -> None:
    """Check that all names exist and that tasks can be used as the experiment asks.

    Raises:
        ConfigError: the experiment is invalid; names the key.
    """
    experiment = resolved.experiment
    for name, own in experiment.tasks.items():
        FORMATS.get(own.format, where=f"tasks.{name}.format")
        if is_control(name):
            raise ConfigError(
                f"{name} is the name of {original_name(name)} with shuffled labels",
                where=f"tasks.{name}",
                todo="give the task another name; controls need no definition",
            )
        if is_tasksource(name):
            raise ConfigError(
                f"{name}: names that begin with {PREFIX} are those of tasksource's tasks",
                where=f"tasks.{name}",
                todo="give the task another name",
            )
    for name in experiment.targets:
        _check_target(resolved, resolved.task(name, "targets"))
    for setting in settings:
        listed = setting.name in experiment.intermediate
        where = "intermediate" if listed else "encoder.adapted_by"
        for part in setting.parts:
            _check_training(resolved, part, where)
        check_head_names(setting, where)
    _check_languages(resolved)
    for section in ("task_limits", "splits"):
        for name in getattr(experiment, section):
            if original_name(name) not in experiment.tasks:  # whose files may not be needed
                resolved.task(name, section)
    for section, given in (
        ("recipes.tasks", set(experiment.recipes.tasks)),
        ("train_task", set(experiment.train_task)),
        ("task_languages", set(experiment.task_languages)),
    ):
        for name in sorted(given.difference(experiment.targets)):
            raise UnknownNameError("target", name, experiment.targets, where=section)
    check_revisions(resolved, settings)
    check_distinct_rows(resolved, settings)


def check_data_folder(loaded: LoadedExperiment) -> None:
    """Check that the folder of the user's data exists.

    Raises:
        ConfigError: it does not.
    """
    if loaded.data is not None and not loaded.data.is_dir():
        raise ConfigError(
            f"there is no folder {loaded.data}",
            where="data",
            todo="correct the path of your data, or leave it out",
        )


def check_folder(resolved: ResolvedExperiment) -> None:
    """Check that `data` is set if a task can only be read from files.

    Raises:
        ConfigError: it is not; names the first such task.
    """
    with resolved.loaded.locating_errors():
        _check_folder(resolved)


def _check_folder(resolved: ResolvedExperiment) -> None:
    experiment = resolved.experiment
    targets = [resolved.task(name) for name in experiment.targets]
    trained = [part.task for text in experiment.intermediate for part in parse_setting(text).parts]
    trained += [part.task for task in targets for part in resolved.train_refs(task)]
    for task in (*targets, *map(resolved.task, trained)):
        if task.with_data_dir and not experiment.data and not task.hub:
            raise ConfigError(
                f"{task.name} can only be read from your files",
                where="data",
                todo=f"set the folder of {task.source}: data: FOLDER in the experiment, or --data",
            )


def _check_target(resolved: ResolvedExperiment, task: TaskSpec) -> None:
    experiment = resolved.experiment
    _check_metrics(task)
    if task.format_spec.gold is None:
        raise ConfigError(
            f"{task.name} is a {task.format} task, which has no gold answers to score",
            where="targets",
            todo="it can only be an intermediate task",
        )
    if task.shuffled_from:
        raise ConfigError(
            f"{task.name} is a control of training, whose labels are shuffled: there is nothing to "
            "score",
            where="targets",
            todo=f"use it in `intermediate`, and {task.shuffled_from} as the target",
        )
    check_control(task, resolved.task)
    _check_trained_on(resolved, task)
    share = resolved.split_slice(task, experiment.eval_split)
    languages = task.languages_of(share.split)
    if _is_searched_in_english(task) and ENGLISH not in languages:
        raise ConfigError(
            f"{task.name} has no {ENGLISH} {share.split} split to search in",
            where=f"tasks.{task.name}",
        )
    if not resolved.languages(task):
        raise ConfigError(
            f"{task.name} has no {share.split} split in the languages asked for",
            where="languages",
            todo=split_named_otherwise(task, share.split)
            or f"it has {', '.join(languages) or 'none'}",
        )


def _is_searched_in_english(task: TaskSpec) -> bool:
    """Whether the English sentences of the task itself are what its languages are searched in."""
    searched = task.format_spec.search is not None
    return searched and not task.pool_parts and task.pool_split == ENGLISH


def _check_trained_on(resolved: ResolvedExperiment, target: TaskSpec) -> None:
    """Check that a target can be trained on the task that is named for it."""
    if (
        resolved.experiment.train_task.get(target.name) == NO_INTERMEDIATE
        and target.format_spec.training
    ):
        raise ConfigError(
            f"{target.name} is a {target.format} task: without training it has no head to answer "
            "with",
            where="train_task",
            todo=f"leave {NO_INTERMEDIATE} to retrieval tasks",
        )
    for part in resolved.train_refs(target)[:-1]:
        _check_training(resolved, part, "train_task")
    if target.format_spec.training:
        _check_source(resolved, target)
    elif resolved.is_trained(target):
        _check_training(resolved, resolved.train_ref(target), "train_task")


def _check_source(resolved: ResolvedExperiment, target: TaskSpec) -> None:
    """Check that the target's training data have its format and labels."""
    part = resolved.train_ref(target)
    where = "targets" if part.task == target.name else "train_task"
    source = _check_training(resolved, part, where)
    same_classes = not target.format_spec.class_of or set(source.labels) == set(target.labels)
    if source.format != target.format or not same_classes:
        raise ConfigError(
            f"{target.name} cannot be trained on {source.name}: "
            f"{_data_shape(target)} against {_data_shape(source)}",
            where=where,
            todo="name a task with the same format and labels",
        )
    check_same_images(target, source, where)


def _data_shape(task: TaskSpec) -> str:
    return f"{task.format} ({', '.join(task.labels[:6])})" if task.labels else task.format


def _check_training(resolved: ResolvedExperiment, part: TaskRef, where: str) -> TaskSpec:
    """Check that a task is trainable and has train and dev in the languages."""
    task = resolved.task(part.task, where)
    if task.format_spec.search:
        raise ConfigError(
            f"{task.name} is a {task.format} task, which is not trained",
            where=where,
            todo="it can only be a target",
        )
    _check_metrics(task)
    check_withheld_images(task, where)
    check_overlap(resolved, task, "dev")
    for language, split in missing_splits(resolved, part):
        raise ConfigError(
            f"{task.name} has no {language} {split} split",
            where=where,
            todo=todo_without_split(resolved, task, language, where),
        )
    return task


def _check_metrics(task: TaskSpec) -> None:
    where = f"tasks.{task.name}.metrics"
    for name in task.metrics:
        metric = METRICS.get(name, where=where)
        if task.format not in metric.formats and name not in task.format_spec.metrics:
            raise ConfigError(
                f"the metric {name} does not fit the format {task.format}",
                where=where,
                todo=f"it scores {', '.join(metric.formats)}",
            )
        if problem := metric.label_problem(task.labels):
            raise ConfigError(
                f"the metric {name} does not fit the labels of {task.name}: {problem}",
                where=where,
                todo=f"correct the labels, or use {_metrics_that_fit(task)}",
            )


def _metrics_that_fit(task: TaskSpec) -> str:
    metrics = {name: METRICS.get(name) for name in METRICS}
    return ", ".join(
        name
        for name, metric in metrics.items()
        if task.format in metric.formats and not metric.label_problem(task.labels)
    )


def _check_languages(resolved: ResolvedExperiment) -> None:
    experiment = resolved.experiment
    for name, codes in experiment.task_languages.items():
        task = resolved.task(name)
        have = task.languages_of(resolved.split_slice(task, experiment.eval_split).split)
        for code in sorted(set(codes).difference(have)):
            raise unknown_language(f"language of {name}", code, have, "task_languages")
    if isinstance(experiment.languages, str):
        return
    tasks = [resolved.task(name) for name in experiment.targets]
    known = {code for task in tasks for codes in task.splits.values() for code in codes}
    for code in experiment.languages:
        if code not in known:
            raise unknown_language("language of the targets", code, known, "languages")
