"""Features of images: each image is computed once per vision tower, for all stages.

They are artifacts of STORE/features (see `stages.io.tokenized`), each with some hundred images:

states.npy   float32 [n, p, width]; the digests of the images are in the manifest

The images that a stage needs and no artifact has are computed one by one, so that the states of an
image do not depend on others, and published as new artifacts. Languages and splits with the same
images share them. A damaged artifact is quarantined, and its images are computed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.core.artifact import Artifact
from xstilts.core.cpu import parallel_map
from xstilts.core.errors import DataError
from xstilts.formats.base import Feature, Row
from xstilts.formats.image_array import JoinedArrays, States
from xstilts.formats.image_features import ImageFeatures, WithImages
from xstilts.formats.image_text.checks import DIGESTS, IMAGES, SOURCE
from xstilts.stages.base import StageContext
from xstilts.stages.io.image_cache import ImageCache, cache_stage
from xstilts.stages.io.image_roles import IMAGE_CONTEXT, VISION
from xstilts.stages.io.located_task import located_task
from xstilts.stages.io.rows import read_rows
from xstilts.tasks.image_source import ImageProblem, ImageSource
from xstilts.tasks.io.image_decoding import decode

ROWS = "rows.parquet"


@dataclass(frozen=True)
class PreparedImage:
    """An image of prepared rows: its id, and the SHA-256 of its bytes when they were prepared."""

    name: str
    digest: str


def with_row_images(
    context: StageContext, rows: Artifact, features: Sequence[Feature]
) -> Sequence[Feature]:
    """Features of prepared rows with the states of their images, if the stage reads images.

    Raises:
        DataError, StoreError: as `image_features`.
    """
    if VISION not in context.inputs or not len(features):
        return features
    columns = read_rows(rows / ROWS, [IMAGES, DIGESTS, SOURCE])  # without those it lacks
    if SOURCE not in columns[0]:
        return features
    task, _ = columns[0][SOURCE].split()
    withheld = not any(row[IMAGES] for row in columns)  # by an input-only form of the rows
    if withheld or context.stage.context[IMAGE_CONTEXT][task] is None:
        return features
    images = image_features(context, columns)
    return WithImages(features, images, [row[IMAGES] for row in columns])


def image_features(context: StageContext, rows: Sequence[Row]) -> ImageFeatures:
    """The states of all images of prepared rows of one task, from the cache or computed now.

    The stage has the tower as the input `vision`, and in its context where the images are.

    Raises:
        DataError: an image is no longer what it was when its row was prepared.
        StoreError: the disk is full, or cannot be written.
    """
    images = {
        digest: PreparedImage(name, digest)
        for row in rows
        for name, digest in zip(row[IMAGES], row[DIGESTS], strict=True)
    }
    task, split = rows[0][SOURCE].split()
    compute = _Computation(context, task, split, images).states
    if context.features is None:
        chunks = [(np.stack(list(compute(list(images)))), list(images))]
    else:
        cache = ImageCache(context.features, cache_stage(context.inputs[VISION]))
        chunks = cache.chunks(list(images), compute)
    position = {
        digest: row for row, digest in enumerate(name for _, names in chunks for name in names)
    }
    names = {
        name: position[digest]
        for row in rows
        for name, digest in zip(row[IMAGES], row[DIGESTS], strict=True)
    }
    return ImageFeatures(JoinedArrays([states for states, _ in chunks]), names)


@dataclass(frozen=True)
class _Computation:
    """Computes the states of images of one split of a task."""

    context: StageContext
    task: str
    split: str
    images: Mapping[str, PreparedImage]

    def states(self, digests: Sequence[str]) -> Iterator[States]:
        """The states of images, in order; the tower is loaded at the first."""
        from xstilts.models.vision.tower import vision_tower

        tower = vision_tower(self.context.inputs[VISION].path)
        for done, states in enumerate(
            parallel_map(lambda data: tower.states(decode(data).pixels), self._read(digests))
        ):
            progress = {"step": done + 1, "steps": len(digests), "unit": "image"}
            self.context.report_progress(progress)
            yield states

    def _read(self, digests: Sequence[str]) -> Iterator[bytes]:
        source = self._source()
        for digest in digests:
            image = self.images[digest]
            try:
                data = source.read(image.name)
            except ImageProblem as problem:
                raise self._changed(image, source, str(problem)) from problem
            if hashlib.sha256(data).hexdigest() != digest:
                raise self._changed(image, source, "its content differs")
            yield data

    def _source(self) -> ImageSource:
        task = located_task(self.task, self.context.stage.context[IMAGE_CONTEXT][self.task])
        assert task.images is not None
        return task.images(self.split)

    def _changed(self, image: PreparedImage, source: ImageSource, reason: str) -> DataError:
        return DataError(
            f"the image {image.name} of {self.task} has changed since its rows were prepared: "
            f"{reason}",
            where=source.where(image.name),
            todo="put the image back, or run again with a new store: the rows are then prepared "
            "from the changed images",
        )
