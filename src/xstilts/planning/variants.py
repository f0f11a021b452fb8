"""Variants of an experiment: other targets, settings and amounts of training data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xstilts.config.exclude import restricted
from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.planning.hub_revisions import datasets_of
from xstilts.planning.recipe_search import search_within
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks import TASKS
from xstilts.tasks.shuffled_labels import original_name


def make_variant(
    loaded: LoadedExperiment,
    targets: Sequence[str],
    settings: Iterable[str],
    train: Mapping[str, int],
) -> LoadedExperiment:
    """The experiment with some of its targets, and other settings and limits, validated.

    Args:
        train: task → the limit on its training examples, in every language.

    Options of targets, languages and datasets that are no longer used are left out: they would be
    refused. So are evaluations after few-shot training and of translations: variants are compared
    zero-shot. Everything else, and so the key of every equal stage, is the same.
    """
    tree = loaded.experiment.model_dump(exclude_unset=True)
    tree |= {"targets": tuple(targets), "intermediate": tuple(settings)}
    tree |= {"few_shot": None, "translate_test": None}
    limits: dict[str, dict[str, Any]] = tree.get("task_limits", {})
    taken = {task: {**limits.get(task, {}), "train": count} for task, count in train.items()}
    tree["task_limits"] = limits | taken
    recipes = tree.get("recipes", {})
    for options, name in ((tree, "train_task"), (tree, "task_languages"), (recipes, "tasks")):
        if of_targets := options.get(name):
            options[name] = {task: value for task, value in of_targets.items() if task in targets}
    if loaded.experiment.exclude:
        kept = restricted(loaded.experiment.exclude, tree["intermediate"], targets)
        tree["exclude"] = [one.model_dump(exclude_unset=True) for one in kept]
    names = ResolvedExperiment(loaded)
    if "search" in tree:
        search = search_within(names, targets)
        tree["search"] = search.model_dump(exclude_unset=True) if search else None
    if not isinstance(loaded.experiment.languages, str):
        tree["languages"] = _kept_languages(names, targets)
    if loaded.experiment.revisions:
        tree["revisions"] = _kept_revisions(names, targets, tree["intermediate"])
    return replace(loaded, experiment=Experiment.model_validate(tree))


def _kept_languages(resolved: ResolvedExperiment, targets: Sequence[str]) -> tuple[str, ...]:
    """The experiment's languages without those of its other targets; unknown ones stay errors."""
    experiment = resolved.experiment
    dropped = _languages(resolved, experiment.targets) - _languages(resolved, targets)
    return tuple(code for code in experiment.languages if code not in dropped)


def _languages(resolved: ResolvedExperiment, targets: Sequence[str]) -> set[str]:
    """The languages that any of the targets has, in any split; own tasks need no files here."""
    own = resolved.experiment.tasks
    splits = ((own.get(target) or resolved.task(target)).splits for target in targets)
    return {code for split in splits for codes in split.values() for code in codes}


def _kept_revisions(
    resolved: ResolvedExperiment, targets: Sequence[str], settings: Iterable[str]
) -> dict[str, str]:
    """The revisions of the datasets that are still used."""
    used = {*targets, *(task for text in settings for task in parse_setting(text).tasks)}
    used |= {part.task for one in targets for part in resolved.train_refs(resolved.task(one))}
    packaged = {original_name(task) for task in used}.intersection(TASKS)
    known = {name for task in packaged for name in datasets_of(TASKS.get(task))}
    return {name: at for name, at in resolved.experiment.revisions.items() if name in known}
