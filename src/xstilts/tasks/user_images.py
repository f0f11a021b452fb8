"""Images of the user's own tasks: files in a folder or a ZIP file that the task names."""

from __future__ import annotations

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError
from xstilts.formats.spec import FormatSpec


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
