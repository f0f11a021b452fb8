"""Images in a plan: the vision tower as an input of stages, and where the images are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xstilts.core.stage import Cost, Stage
from xstilts.core.warn_once import warn_once
from xstilts.models.vision.tower_source import TowerSource, find_tower
from xstilts.planning.default_tower import check_joint_space, chosen_tower
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages import STAGE_KINDS
from xstilts.stages.io.image_roles import IMAGE_CONTEXT
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.image_decoding import check_pillow
from xstilts.tasks.io.images import NoImages

logger = logging.getLogger(__name__)

READERS = frozenset(("train", "dynamics", "predict", "surprise", "fisher"))
"""Kinds of stages whose models read images."""
IMPORT = Cost(seconds=2, bytes=20_000_000)


@dataclass
class ImageInputs:
    """Adds the vision tower to the stages that read prepared rows of tasks with images.

    Args:
        tasks: key of a stage with rows → the task with images that it prepares.
    """

    resolved: ResolvedExperiment
    tasks: dict[str, TaskSpec] = field(default_factory=dict)

    def prepared(self, key: str, task: TaskSpec, split: str) -> None:
        """Note a stage that prepares rows of a task.

        Raises:
            MissingPackageError: the task has images, and Pillow is not installed.
        """
        if task.images is None:
            return
        check_pillow()
        self.tasks[key] = task
        source = task.images(split)
        if isinstance(source, NoImages):
            warn_once(logger, "%s %s: %s", task.name, split, source.error())

    def derived(self, key: str, inputs: Mapping[str, str]) -> None:
        """Note a stage whose rows are some of another's."""
        if (source := self.tasks.get(inputs.get("rows", ""))) is not None:
            self.tasks[key] = source

    def read_by(self, kind: str, inputs: Iterable[str]) -> list[TaskSpec]:
        """The tasks with images whose rows a stage reads for a model; images may be withheld."""
        if kind not in READERS:
            return []
        found = {task.name: task for key in inputs if (task := self.tasks.get(key))}
        for task in found.values():
            if not task.withholds_image:
                check_joint_space(self.source, self.resolved.source, task)
        return [found[name] for name in sorted(found)]

    @cached_property
    def source(self) -> TowerSource:
        """The vision tower; by default the encoder's own, or the packaged one."""
        choice = chosen_tower(self.resolved.experiment.vision, self.resolved.source)
        return find_tower(choice, self.resolved.loaded.folder)

    @cached_property
    def tower(self) -> Stage:
        """The stage of the vision tower."""
        folder = self.source.folder
        return Stage(
            "import-vision",
            STAGE_KINDS.get("import-vision").version,
            self.source.params,
            label=f"vision tower {self.source.name}",
            cost=IMPORT,
            context={"folder": str(folder)} if folder else {},
        )


def warn_of_unused_tower(images: ImageInputs) -> None:
    """Warn, once, if an experiment names a vision tower and none of its tasks reads images."""
    experiment = images.resolved.experiment
    if experiment.vision and all(task.withholds_image for task in images.tasks.values()):
        warn_once(logger, "%s: `vision` is not used, as no task reads images", experiment.name)


def image_context(
    tasks: Iterable[TaskSpec], locations: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The part of a stage's context that says where images are; None: they are withheld."""
    return {
        IMAGE_CONTEXT: {
            task.name: None if task.withholds_image else dict(locations[task.name])
            for task in tasks
        }
    }
