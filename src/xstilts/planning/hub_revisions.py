"""Check the revisions of data sets on the Hub that an experiment gives."""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.config.intermediate import IntermediateSetting
from xstilts.core.errors import UnknownNameError
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import OriginKind
from xstilts.tasks.shuffled_labels import original_name


def check_revisions(resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]) -> None:
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
