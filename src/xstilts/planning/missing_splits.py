"""Splits and languages that trainings and targets need and tasks do not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xstilts.config.intermediate import TaskRef
from xstilts.languages.spellings import spelled_language
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.guessed_files import split_of_word
from xstilts.translate.row_fields import translation_of


def missing_splits(resolved: ResolvedExperiment, part: TaskRef) -> Iterator[tuple[str, str]]:
    """(language, split) of the train and dev sets of a training that its task does not have.

    Those that a translator makes are not missing.

    Raises:
        ConfigError: the format cannot be translated.
    """
    task = resolved.task(part.task)
    for role in ("train", "dev"):
        split = resolved.split_slice(task, role).split
        have = task.splits.get(split, ())
        for language in part.languages or task.train_languages:
            if language not in have and _can_be_translated(resolved, task, have):
                translation_of(task.format)
            elif language not in have:
                yield language, split


def split_named_otherwise(task: TaskSpec, split: str) -> str:
    """What to do if a task has a split by another name, such as `validation`; else empty."""
    for name in task.splits:
        if split not in task.splits and (split_of_word(name) == split or name == f"{split}s"):
            return (
                f"in `splits` of {task.name}, write {split} instead of {name}; if its files have "
                f"that name: split_names: {{{split}: {name}}}"
            )
    return ""


def todo_without_split(
    resolved: ResolvedExperiment, task: TaskSpec, language: str, where: str
) -> str:
    """What to do if a task has no training or dev data in a language."""
    train, dev = (resolved.split_slice(task, role).split for role in ("train", "dev"))
    for split in (train, dev):
        if renamed := split_named_otherwise(task, split):
            return renamed
    both = [code for code in task.splits.get(train, ()) if code in task.splits.get(dev, ())]
    if both and language == task.train_language:
        other = f"{task.name}@{both[0]}"
        how = other if where == "intermediate" else f"train_task: {{{task.name}: {other}}}"
        return f"it can be trained on {', '.join(both)}: {how}"
    if language in task.splits.get(train, ()) and language not in task.splits.get(dev, ()):
        name, share = task.name, resolved.split_slice(task, "train")
        if share.is_full_split:
            held_out = f"{{train: '{train}[:90%]', dev: '{train}[90%:]'}}"
            return f"hold out a part of {train}: splits: {{{name}: {held_out}}}"
    named = spelled_language(language)
    if named and named.code != language and named.code in both:
        return f"did you mean {named.code}, the code of {named.name}?"
    return "phases 2 and 3 train on it and choose the best checkpoint by its dev" + (
        "; a `translator` can make it" if language != task.train_language else ""
    )


def _can_be_translated(resolved: ResolvedExperiment, task: TaskSpec, have: Sequence[str]) -> bool:
    """Whether a translator is set and the task has data in the source language."""
    return resolved.experiment.translator is not None and task.train_language in have
