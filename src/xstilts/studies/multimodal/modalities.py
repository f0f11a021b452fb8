"""Image-text targets: which there are, and in which form they are measured.

They are tasks that name `image` among their `modalities`, or among what they have `left_out`. The
second is what stands in for the first: a caption instead of the image.
"""

from __future__ import annotations

from xstilts.config.load import LoadedExperiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec

IMAGE = "image"
ENTAILED = "entailment"
"""The label that makes a task one of inference."""


def form_of(task: TaskSpec) -> str:
    """Which form of an image-text task it is, in words; empty if it is none."""
    if IMAGE in task.modalities:
        return "image and text"
    return "text alone, a caption stands for the image" if IMAGE in task.missing_modalities else ""


def is_nli(task: TaskSpec) -> bool:
    """Whether its classes are those of inference: three, or two as RTE has."""
    return ENTAILED in task.labels


def targets_of(loaded: LoadedExperiment) -> dict[str, TaskSpec]:
    """The image-text targets of an experiment, those of inference first."""
    names = ResolvedExperiment(loaded)
    found = {name: names.task(name) for name in loaded.experiment.targets}
    asked = {name: task for name, task in found.items() if form_of(task)}
    return dict(sorted(asked.items(), key=lambda item: not is_nli(item[1])))
