"""Controls: the same examples without their images, so that a gain is not one of the text alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from xstilts.tasks.base import TaskSpec

ENDING = "-without-image"


def control_name(task: str) -> str:
    """The name of a task's control."""
    return f"{task}{ENDING}"


def without_image(task: TaskSpec) -> TaskSpec:
    """The control of a task: the same rows, of which the model reads the text alone.

    It is trained without images too: on its own training data, or on the control of the task that
    `train_task` names.
    """
    return replace(
        task,
        name=control_name(task.name),
        control_of=task.name,
        withholds_image=True,
        train_task=control_name(task.train_task) if task.train_task else "",
        summary=f"{task.name} without its images: what does the text alone tell?",
        with_data_dir=_with_data_dir(task.with_data_dir),
        with_revisions=_with_revisions(task.with_revisions),
    )


def _with_data_dir(
    located: Callable[[Path], TaskSpec] | None,
) -> Callable[[Path], TaskSpec] | None:
    return (lambda folder: without_image(located(folder))) if located else None


def _with_revisions(
    pinned: Callable[[Mapping[str, str]], TaskSpec] | None,
) -> Callable[[Mapping[str, str]], TaskSpec] | None:
    return (lambda revisions: without_image(pinned(revisions))) if pinned else None
