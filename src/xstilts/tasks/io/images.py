"""The images of a task: where they are searched, and how a task gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xstilts.core.errors import MissingDataError
from xstilts.core.hashing import digest_of
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.image_source import ImageSource
from xstilts.tasks.io.image_files import FolderImages, ZipImages
from xstilts.tasks.io.sources import DATA_SUBFOLDERS

if TYPE_CHECKING:
    from PIL.Image import Image

MakeImages = Callable[[Path | None, Mapping[str, str], str], ImageSource]
"""(data folder, dataset on the Hub → revision, split) → the images of the split."""


def with_images(spec: TaskSpec, make: MakeImages) -> TaskSpec:
    """The task with images, which follow its data folder and revisions.

    The fingerprint of its examples includes that of the images.
    """
    return _with_images(spec, make, None, {})


def _with_images(
    spec: TaskSpec, make: MakeImages, folder: Path | None, revisions: Mapping[str, str]
) -> TaskSpec:
    rows, located, pinned = spec.fingerprint, spec.with_data_dir, spec.with_revisions
    images = partial(make, folder, revisions)

    def fingerprint(split: str, language: str) -> str:
        return digest_of(["images", rows(split, language), images(split).fingerprint()])

    def with_data_dir(new: Path) -> TaskSpec:
        moved = located(new) if located else spec
        return _with_images(moved, make, new, revisions)

    def with_revisions(new: Mapping[str, str]) -> TaskSpec:
        every = {**revisions, **new}
        return _with_images(pinned(new) if pinned else spec, make, folder, every)

    return replace(
        spec,
        images=images,
        fingerprint=fingerprint,
        with_data_dir=with_data_dir if located else None,
        with_revisions=with_revisions if pinned else None,
    )


def local_images(
    folder: Path | None, names: Sequence[str], hub: ImageSource | None = None
) -> ImageSource:
    """The images of a task in the user's data folder, else on the Hub.

    Args:
        folder: the data folder; its usual subfolders are searched too.
        names: alternatives of a folder or ZIP file with the images; the first that exists is used.
        hub: images on the Hub, if there are any.
    """
    if folder is not None:
        for path in (folder / sub / name for name in names for sub in DATA_SUBFOLDERS):
            if path.exists():
                return images_at(path, "data")
    found = " or ".join(names)
    if folder is None:
        todo = f"set the folder that has {found}: data: FOLDER in the experiment, or --data FOLDER"
    else:
        todo = "put the images there, or correct `data`"
    return hub or NoImages(f"no {found}" + (f" in {folder}" if folder else ""), "data", todo)


def images_at(path: Path, where: str) -> ImageSource:
    """The images in a folder or ZIP file.

    Args:
        where: the key that names it, for errors.
    """
    if path.is_dir():
        return FolderImages(path)
    if path.is_file() and path.suffix.lower() == ".zip":
        return ZipImages(path)
    problem = f"{path} is no ZIP file" if path.is_file() else f"there is no folder {path}"
    return NoImages(problem, where, "name a folder or a ZIP file with images")


@dataclass(frozen=True)
class NoImages:
    """Images that are nowhere: planning is possible, and reading one is an error.

    Args:
        problem, where, todo: of the error.
    """

    problem: str
    key: str
    todo: str

    def error(self) -> MissingDataError:
        """The error of a stage that reads an image."""
        return MissingDataError(
            f"images are missing: {self.problem}", where=self.key, todo=self.todo
        )

    def read(self, image_id: str) -> NoReturn:
        """Raise the error.

        Raises:
            MissingDataError: always.
        """
        raise self.error()

    def where(self, image_id: str) -> str:
        """The id alone."""
        return image_id

    def fingerprint(self) -> str:
        """The same for all images that are missing."""
        return digest_of("missing images")

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids as they are."""
        return list(image_ids)


def ppm_bytes(image: Image) -> bytes:
    """A drawn picture as a file without compression, whose bytes depend on its pixels alone.

    The bytes of PNG files depend on the version of the compression library.
    """
    width, height = image.size
    return f"P6 {width} {height} 255\n".encode() + image.convert("RGB").tobytes()
