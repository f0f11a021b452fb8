"""Validate an experiment before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xstilts.config.intermediate import NO_INTERMEDIATE, IntermediateSetting, TaskRef, parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.formats import FORMATS
from xstilts.languages.unknown import unknown_language
from xstilts.metrics import METRICS
from xstilts.planning.head_names import check_head_names
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.withheld_images import check_control, check_same_images, check_withheld_images
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import Origin, OriginKind
from xstilts.tasks.shuffled_labels import is_control, original_name
from xstilts.tasks.tasksource.names import PREFIX, is_tasksource
from xstilts.translate.row_fields import translation_of

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
    _check_revisions(resolved, settings)
    _check_distinct_rows(resolved, settings)


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
            todo=f"it has {', '.join(languages) or 'none'}",
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


def _check_distinct_rows(
    resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]
) -> None:
    """Check that no evaluated example, or its translation, is trained on."""
    targets = [resolved.task(name) for name in resolved.experiment.targets]
    parts = {part for setting in settings for part in setting.parts}
    of_targets = (resolved.train_refs(task) for task in targets if resolved.is_trained(task))
    parts |= {part for trained in of_targets for part in trained}
    originals = {original_name(part.task) for part in parts}
    for task in targets:
        if task.name in originals:
            _check_overlap(resolved, task, resolved.experiment.eval_split)
        for name, split in task.translates:
            if name in originals:
                _check_translated(resolved, task, resolved.task(name), split)
        for part in sorted(parts):
            source = resolved.task(part.task)
            for language in dict.fromkeys((source.train_language, *part.languages)):
                _check_same_files(resolved, task, source, language)


def _check_overlap(resolved: ResolvedExperiment, task: TaskSpec, role: str) -> None:
    """Check that the training slice of a task does not overlap its dev or evaluation slice."""
    train, other = resolved.split_slice(task, "train"), resolved.split_slice(task, role)
    if train.overlaps(other):
        use, why = (
            ("choose its best checkpoint", "these are the same examples")
            if role == "dev" and resolved.experiment.eval_split != "dev"
            else ("be evaluated", "the examples of a benchmark are translations of each other")
        )
        raise ConfigError(
            f"{task.name} would be trained on {train.name} and {use} on {other.name}: {why}",
            where=f"splits.{task.name}",
            todo="use slices that do not overlap, such as dev[:50%] and dev[50%:]",
        )


def _check_same_files(
    resolved: ResolvedExperiment, target: TaskSpec, source: TaskSpec, language: str
) -> None:
    """Check that the training data are not the file that a target is evaluated on."""
    train = resolved.split_slice(source, "train")
    evaluated = resolved.split_slice(target, resolved.experiment.eval_split)
    if not replace(train, split="").overlaps(replace(evaluated, split="")):
        return
    if not all(
        language in task.splits.get(part.split, ())
        for task, part in ((source, train), (target, evaluated))
    ):
        return
    origins = source.origin(train.split, language)
    if origins != target.origin(evaluated.split, language) or not _is_file_or_hub(origins):
        return
    if source.fingerprint(train.split, language) == target.fingerprint(evaluated.split, language):
        raise ConfigError(
            f"{source.name} {train.name} and the {evaluated.name} set of {target.name}, which is "
            "evaluated, are the same file",
            where=f"splits.{source.name}",
            todo="train on another split or another file",
        )


def _is_file_or_hub(origins: Sequence[Origin]) -> bool:
    return bool(origins) and all(origin.kind is not OriginKind.PACKAGE for origin in origins)


def _check_translated(
    resolved: ResolvedExperiment, target: TaskSpec, source: TaskSpec, split: str
) -> None:
    """Check that the target is not a translation of the training split."""
    train = resolved.split_slice(source, "train")
    markers = [f"minus-{name}" for name in (target.name, *_same_examples(target))]
    files = [path for part in source.origin(split, source.train_language) for path in part.files]
    if train.split == split and not any(
        marker in path.name for path in files for marker in markers
    ):
        without = f"a file without these examples (its name contains {' or '.join(markers)})"
        folder = (
            f"set the folder that has {without}: data: FOLDER in the experiment, or --data FOLDER"
        )
        raise ConfigError(
            f"{source.name} would be trained on {train.name}, and {target.name} contains "
            "translations of its examples",
            where=f"splits.{source.name}" if resolved.data else "data",
            todo=f"train on another split, or on {without}" if resolved.data else folder,
        )


def _same_examples(target: TaskSpec) -> list[str]:
    """Tasks whose test set is in the target: files without its examples have none of the target."""
    return [name for name, split in target.translates if split == "test"]


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
    _check_overlap(resolved, task, "dev")
    for role in ("train", "dev"):
        share = resolved.split_slice(task, role)
        have = task.splits.get(share.split, ())
        for language in part.languages or task.train_languages:
            if language not in have and _can_be_translated(resolved, task, have):
                translation_of(task.format)
            elif language not in have:
                raise ConfigError(
                    f"{task.name} has no {language} {share.split} split",
                    where=where,
                    todo=_todo_without_split(resolved, task, language, where),
                )
    return task


def _todo_without_split(
    resolved: ResolvedExperiment, task: TaskSpec, language: str, where: str
) -> str:
    """What to do if a task has no training or dev data in a language."""
    train, dev = (resolved.split_slice(task, role).split for role in ("train", "dev"))
    both = [code for code in task.splits.get(train, ()) if code in task.splits.get(dev, ())]
    if both and language == task.train_language:
        other = f"{task.name}@{both[0]}"
        how = other if where == "intermediate" else f"train_task: {{{task.name}: {other}}}"
        return f"it can be trained on {', '.join(both)}: {how}"
    return "phases 2 and 3 train on it and choose the best checkpoint by its dev" + (
        "; a `translator` can make it" if language != task.train_language else ""
    )


def _can_be_translated(resolved: ResolvedExperiment, task: TaskSpec, have: Sequence[str]) -> bool:
    """Whether a translator is set and the task has data in the source language."""
    return resolved.experiment.translator is not None and task.train_language in have


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


def _check_revisions(resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]) -> None:
    """Check that every revision is of a dataset that the experiment reads."""
    given = resolved.experiment.revisions
    if not given:
        return
    used = {*resolved.experiment.targets, *(name for setting in settings for name in setting.tasks)}
    targets = map(resolved.task, resolved.experiment.targets)
    used |= {part.task for task in targets for part in resolved.train_refs(task)}
    packaged = {original_name(task) for task in used}.intersection(TASKS)
    known = {name for task in packaged for name in datasets_of(TASKS.get(task))}
    for dataset in sorted(given.keys() - known):
        raise UnknownNameError(
            "dataset of these tasks on the hub", dataset, known, where="revisions"
        )


def datasets_of(task: TaskSpec) -> set[str]:
    """Return the datasets on the Hub that a task is read from without local files."""
    return {
        origin.dataset
        for split, languages in task.splits.items()
        for language in languages
        for origin in task.origin(split, language)
        if origin.kind is OriginKind.HUB
    }


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
