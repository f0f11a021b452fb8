"""Images of the user's own tasks: files in a folder or a ZIP file that the task names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError
from xstilts.formats.spec import FormatSpec
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.image_source import ImageSource
from xstilts.tasks.io.images import images_at, with_images

IN_DATA = "{data}/"
"""How a path begins that is in the folder of the experiment's data."""


def check_image_keys(name: str, task: FileTask, spec: FormatSpec) -> None:
    """Check that a task names its images if its format reads them, and only then.

    Raises:
        ConfigError: `images` does not fit the format.
    """
    if spec.images and task.images is None:
        raise ConfigError(
            f"task {name!r} names no images, which {spec.name} reads",
            where=f"tasks.{name}.images",
            todo="name the folder or ZIP file that the cells of `image` are files of",
        )
    if task.images is not None and not spec.images:
        raise ConfigError(
            f"task {name!r} names images, but format {spec.name} reads texts alone",
            where=f"tasks.{name}.images",
            todo="leave `images` out, or choose a format with images",
        )


def with_own_images(
    task: TaskSpec, images: str | None, folder: Path, data: Path | None
) -> TaskSpec:
    """The task with the images in a folder or ZIP file.

    Args:
        images: its path, relative to the experiment's folder or, after `{data}/`, to that of its
            data; {split} is replaced.

    Raises:
        ConfigError: it is in the folder of the data, and there is none.
    """
    if images is None:
        return task
    if images.startswith(IN_DATA) and data is None:
        raise ConfigError(
            f"the images of {task.name!r} are in the folder of the experiment's data",
            where="data",
            todo="give it: data: FOLDER in the experiment, or --data",
        )
    base = data if images.startswith(IN_DATA) and data else folder
    path = base / images.removeprefix(IN_DATA)

    def source(_folder: Path | None, _revisions: Mapping[str, str], split: str) -> ImageSource:
        return images_at(Path(str(path).replace("{split}", split)), f"tasks.{task.name}.images")

    return with_images(task, source)
