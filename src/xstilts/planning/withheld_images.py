"""Controls from which images are withheld, checked before anything runs."""

from __future__ import annotations

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
