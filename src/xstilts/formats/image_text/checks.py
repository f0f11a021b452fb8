"""Checks and cells that the image formats share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xstilts.formats.base import Row
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import Problem

NO_IMAGE = "text without an image"
IMAGE_COLUMNS = ("image", "image2")
"""Columns of user files that name the images of an example, in their order."""
IMAGES, DIGESTS, SOURCE = "images", "image_digests", "image_source"
"""What prepared rows hold of their images: names, SHA-256 of the bytes, and task and split."""


def image_names(row: FileRow, count: int) -> tuple[str, ...]:
    """The images that a row of a user file names."""
    return tuple(row.key(column) for column in IMAGE_COLUMNS[:count])


def image_problems(images: Sequence[str], count: int) -> Iterator[Problem]:
    """Images that are missing: fewer than the format reads, or blank names."""
    named = sum(bool(image.strip()) for image in images)
    if named != count or len(images) != count:
        yield NO_IMAGE, f"{named} of {count} images" if count > 1 else ""


def without_images(row: Row) -> Row:
    """The text alone."""
    return {name: value for name, value in row.items() if name not in (IMAGES, DIGESTS, SOURCE)}
