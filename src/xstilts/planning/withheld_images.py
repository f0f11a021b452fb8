"""Controls from which images are withheld, checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable

from xstilts.core.errors import ConfigError
from xstilts.tasks.base import TaskSpec


def check_withheld_images(task: TaskSpec, where: str) -> None:
    """Check that something is left of a task whose images are withheld.

    Raises:
        ConfigError: its images are what is searched for, or it has none.
    """
    spec = task.format_spec
    if task.withholds_image and not (spec.images and spec.input_only):
        raise ConfigError(
            f"{task.name} withholds its images, "
            + ("which are what it searches for" if spec.images else "and has none"),
            where=where,
            todo="use the task with its images",
        )


def check_same_images(target: TaskSpec, source: TaskSpec, where: str) -> None:
    """Check that a target and its training data both have images, or both withhold them.

    Raises:
        ConfigError: only one of the two has.
    """
    if target.withholds_image != source.withholds_image:
        with_images, without = (
            (source.name, target.name) if target.withholds_image else (target.name, source.name)
        )
        raise ConfigError(
            f"{target.name} cannot be trained on {source.name}: {without} withholds the images "
            f"that {with_images} is read with",
            where=where,
            todo="train a control on a control, and a task with images on a task with images",
        )


def check_control(task: TaskSpec, find: Callable[[str, str], TaskSpec]) -> None:
    """Check that a control reads no images, and is that of a task that may.

    Args:
        find: name and where it is given → the task.

    Raises:
        UnknownNameError: there is no task that it is the control of.
        ConfigError: it reads images, or the other does not, or their labels differ.
    """
    if not task.control_of:
        return
    where = f"tasks.{task.name}.control_of"
    if task.format_spec.images and not task.withholds_image:
        raise ConfigError(
            f"{task.name} is the control of {task.control_of}, and reads images itself",
            where=where,
            todo="add withhold_images: true, or leave control_of out",
        )
    target = find(task.control_of, where)
    if not target.format_spec.images or target.withholds_image:
        raise ConfigError(
            f"{task.name} is the control of {target.name}, which reads no images",
            where=where,
            todo="name the task with the same rows that reads their images",
        )
    if set(task.labels) != set(target.labels):
        raise ConfigError(
            f"{task.name} is the control of {target.name}, and has other labels",
            where=where,
            todo="name the task with the same rows",
        )
