"""Equal budget: a variant in which all intermediate tasks have one number of training examples.

If the tasks' training sets are known to differ in size, the variant gives each as many examples as
the smallest has, and so the same number of steps. Tasks with fewer than `ENOUGH` examples, or than
the limit where that is lower, would starve all others: they are not in the variant. `limits` are
of a task and not of a phase: where such a task also trains a target, that target is trained on as
few examples, after every setting and in the baseline.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from statistics import median_low

from xstilts.config.exclude import restricted
from xstilts.config.experiment import Limits
from xstilts.config.load import LoadedExperiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.group_contrast import MIN_TASKS
from xstilts.studies.base import Evidence
from xstilts.studies.render import join_names
from xstilts.studies.study_data import single_tasks
from xstilts.tasks.base import TaskSpec

EQUAL = "equal budget"
ENOUGH = 1_000


def equalized(loaded: LoadedExperiment, group: Collection[str]) -> LoadedExperiment | None:
    """The variant; none if all tasks have the same size, or a group is too small.

    Args:
        group: names of the tasks that are compared with the others.
    """
    written, tasks, resolved = loaded.experiment, single_tasks(loaded), ResolvedExperiment(loaded)
    counts = {name: _examples(resolved, task) for name, task in tasks.items()}
    least = _least(resolved, tasks)
    kept = {name: n for name, n in counts.items() if n is None or n >= least}
    known = {count for count in kept.values() if count is not None}
    inside = sum(tasks[name].name in group for name in kept)
    too_few = min(inside, len(kept) - inside) < MIN_TASKS
    if too_few or len(known) < 2 or written.baseline not in written.intermediate:
        return None
    limits = dict(written.task_limits)
    for task in dict.fromkeys(tasks[name].name for name in kept):
        limits[task] = limits.get(task, Limits()).model_copy(update={"train": min(known)})
    used = {*kept, written.baseline}
    settings = tuple(text for text in written.intermediate if text in used)
    exclude = restricted(written.exclude, settings, written.targets)
    changes = {"task_limits": limits, "intermediate": settings, "exclude": exclude}
    return replace(loaded, experiment=written.model_copy(update=changes))


def budget_text(evidence: Evidence) -> str:
    """The caveat on the variant that was run: what is equal, and which tasks are left out."""
    tasks = single_tasks(evidence.loaded)
    settings = {cell.intermediate for cell in evidence.cells[EQUAL]}
    text = "All intermediate tasks have the same number of training examples"
    if left_out := sorted(tasks.keys() - settings):
        least = _least(ResolvedExperiment(evidence.loaded), tasks)
        text += f"; left out, with fewer than {least:,}: {join_names(left_out)}"
    return f"{text}."


def _least(resolved: ResolvedExperiment, tasks: Mapping[str, TaskSpec]) -> int:
    """Examples that a task must have: `ENOUGH`, or the limit of most tasks if that is lower."""
    limits = [resolved.limit(task.name, "train") or ENOUGH for task in tasks.values()]
    return min(ENOUGH, median_low(limits)) if limits else ENOUGH


def _examples(resolved: ResolvedExperiment, task: TaskSpec) -> int | None:
    """Training examples of a task; none if unknown before the data is read."""
    split = resolved.split_slice(task, "train").split
    if (split, task.train_language) in task.sizes:
        return resolved.expected_rows(task, "train", task.train_language)
    return resolved.limit(task.name, "train")
