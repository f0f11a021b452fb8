"""Builder of image-text tasks that are read from the user's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import task
from xstilts.tasks.image_source import ImageSource
from xstilts.tasks.io.images import local_images, with_images

IGLUE = "Bugliarello et al. 2022, arXiv 2201.11732"
FLICKR30K = (
    "flickr30k/images",
    "flickr30k-images",
    "flickr30k_images",
    "flickr30k/images.zip",
    "flickr30k-images.zip",
)
"""Names of a folder or ZIP file with the images of Flickr30K, `ID.jpg`."""


def image_task(images: tuple[str, ...], **fields: Any) -> TaskSpec:
    """Build a task with images in the user's data folder.

    Args:
        images: alternatives of a folder or ZIP file with the images.
        fields: arguments of `builders.task`.
    """

    def source(folder: Path | None, _revisions: Mapping[str, str], _split: str) -> ImageSource:
        return local_images(folder, images)

    return with_images(replace(task(**fields), modalities=("image", "text")), source)
