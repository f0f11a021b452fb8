"""Whether an intermediate setting trains on the target's own training data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xstilts.config.file_task import FileTask
from xstilts.config.intermediate import IntermediateSetting, TaskRef
from xstilts.formats import FORMATS
from xstilts.planning.data_uses import FileUse, training_uses
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec


def uses_target_data(
    resolved: ResolvedExperiment, target: TaskSpec, setting: IntermediateSetting
) -> bool:
    """Whether a setting has the training data of a target, or of a task that it contains.

    Tasks are compared by their names and by what they include; the user's tasks also by the content
    of their files, with one another and with other tasks. Texts without gold answers and controls
    with shuffled labels are other data.
    """
    if not resolved.is_trained(target):
        return False
    own = resolved.train_refs(target)
    contents = {target.name, *_names(resolved, own)}
    return bool(contents & _names(resolved, setting.parts)) or _has_equal_files(
        resolved, setting.parts, own
    )


def _names(resolved: ResolvedExperiment, parts: Iterable[TaskRef]) -> set[str]:
    """The tasks, and those whose training data are part of theirs."""
    tasks = [resolved.task(part.task) for part in parts]
    return {name for task in tasks for name in (task.name, *task.includes_data_of)}


def _has_equal_files(
    resolved: ResolvedExperiment, parts: Iterable[TaskRef], own: Iterable[TaskRef]
) -> bool:
    """Whether both read the same gold answers of a file, under any name and path."""
    if not resolved.experiment.tasks:
        return False
    trained = list(_labelled_uses(resolved, own))
    pairs = (
        (use, other)
        for use in _labelled_uses(resolved, parts)
        for other in trained
        if use.digest == other.digest
    )
    return any(use.shares_rows(other) and _same_gold(resolved, use, other) for use, other in pairs)


def _labelled_uses(resolved: ResolvedExperiment, parts: Iterable[TaskRef]) -> Iterator[FileUse]:
    """The training files of tasks that train with the labels of their rows."""
    for part in parts:
        task = resolved.task(part.task)
        if task.format_spec.gold is not None and not task.shuffled_from:
            yield from training_uses(resolved, part, "train")


def _same_gold(resolved: ResolvedExperiment, use: FileUse, other: FileUse) -> bool:
    """Whether two tasks, one of them the user's, have the same answers of a file that both read.

    Intents and slots, or two columns of labels, of the same texts are different data.
    """
    own = [resolved.experiment.tasks.get(one.task) for one in (use, other)]
    if not any(own) or resolved.task(use.task).format != resolved.task(other.task).format:
        return False
    first, second = (None if task is None else _gold_column(task) for task in own)
    return first == second or type(first) is not type(second)


def _gold_column(task: FileTask) -> str | int:
    """The column of a task's files that its gold answers are in: its name, or its place."""
    gold = FORMATS.get(task.format).gold
    assert gold is not None
    if gold.column in task.columns:
        return list(task.columns).index(gold.column)
    return next((old for old, new in task.rename.items() if new == gold.column), gold.column)
