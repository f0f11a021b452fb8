"""Equal budget: a variant of the experiment whose answer is about the tasks, not their sizes.

If the tasks' training sets are known to differ in size, the variant gives each as many examples as
the smallest has, and so the same number of steps. Tasks with fewer than `ENOUGH` examples, or than
the limit where that is lower, would starve all others: they are not in the variant. `limits` are
of a task and not of a phase, so where such a task trains a target too, that target is trained on
as few examples, after every setting and in the baseline alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median_low

from xstilts.config.experiment import Limits
from xstilts.config.intermediate import BASELINE
from xstilts.config.load import LoadedExperiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.group_contrast import MIN_TASKS
from xstilts.studies.base import Evidence
from xstilts.studies.reasoning.task_groups import TASKS
from xstilts.studies.task_table import single_tasks
from xstilts.tasks.base import TaskSpec

EQUAL = "equal budget"
ENOUGH = 1_000


@dataclass(frozen=True)
class EqualBudget:
    """What an equal budget asks of a task.

    Args:
        least: examples that a task must have.
        left_out: the tasks that have fewer.
    """

    least: int
    left_out: frozenset[str]


def equalised(loaded: LoadedExperiment) -> LoadedExperiment | None:
    """The variant; none where all have the same size, or a group is too small."""
    asked, tasks = loaded.experiment, single_tasks(loaded)
    kept = _large(ResolvedExperiment(loaded), tasks)
    known = {count for count in kept.values() if count is not None}
    ours = sum(tasks[name].name in TASKS for name in kept)
    if (
        min(ours, len(kept) - ours) < MIN_TASKS
        or len(known) < 2
        or BASELINE not in asked.intermediate
    ):
        return None
    limits = _limited(asked.task_limits, (tasks[name].name for name in kept), min(known))
    settings = tuple(text for text in asked.intermediate if text in kept or text == BASELINE)
    changes = {"task_limits": limits, "intermediate": settings}
    return replace(loaded, experiment=asked.model_copy(update=changes))


def budget_of(evidence: Evidence) -> EqualBudget:
    """What the variant that was run has asked for."""
    tasks = single_tasks(evidence.loaded)
    settings = {cell.intermediate for cell in evidence.cells[EQUAL]}
    return EqualBudget(
        _least(ResolvedExperiment(evidence.loaded), tasks), frozenset(tasks) - settings
    )


def _large(resolved: ResolvedExperiment, tasks: Mapping[str, TaskSpec]) -> dict[str, int | None]:
    """The examples of the settings that have enough, or of which nobody knows."""
    counts = {name: _examples(resolved, task) for name, task in tasks.items()}
    least = _least(resolved, tasks)
    return {name: count for name, count in counts.items() if count is None or count >= least}


def _limited(limits: Mapping[str, Limits], tasks: Iterable[str], train: int) -> dict[str, Limits]:
    """The limits with one number of training examples for some tasks."""
    changes = {"train": train}
    return {
        **limits,
        **{task: limits.get(task, Limits()).model_copy(update=changes) for task in tasks},
    }


def _least(resolved: ResolvedExperiment, tasks: Mapping[str, TaskSpec]) -> int:
    """Examples that a task must have: `ENOUGH`, or the limit of most tasks where that is lower."""
    limits = [resolved.limit(task.name, "train") or ENOUGH for task in tasks.values()]
    return min(ENOUGH, median_low(limits)) if limits else ENOUGH


def _examples(resolved: ResolvedExperiment, task: TaskSpec) -> int | None:
    """How many examples a task is trained on; none where nobody knows before it is read."""
    split = resolved.split_slice(task, "train").split
    if (split, task.train_language) in task.sizes:
        return resolved.expected_rows(task, "train", task.train_language)
    return resolved.limit(task.name, "train")
