"""Sources of images: a folder, a ZIP file, Parquet files, or pictures that a task draws itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from xstilts.core.hashing import digest_of
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.image_source import ImageSource

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
