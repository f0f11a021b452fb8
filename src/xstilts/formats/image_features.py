"""Features of images by a vision tower, and features of examples with those of their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xstilts.formats.base import Feature, HeadShape
from xstilts.formats.feature_store import LazySequence, lengths, occurring_ids, text_counts
from xstilts.formats.image_array import ImageArray


@dataclass(frozen=True)
class ImageFeatures:
    """The states of a vision tower for some images, memory-mapped.

    Args:
        array: float32 [n, p, w]: p states (patches, or cells of a grid) of width w per image.
        position: image id → its row in `array`.
    """

    array: ImageArray
    position: Mapping[str, int]

    def of(self, images: Sequence[str]) -> NDArray[np.float32]:
        """[k, p, w] of k images; a view of the file for one image.

        Raises:
            KeyError: there is no such image.
        """
        states = [self.array[self.position[image]] for image in images]
        return states[0][None] if len(states) == 1 else np.stack(states)


class WithImages(LazySequence):
    """Features with the states of their images, which are read on access.

    Args:
        features: one per example.
        images: of the vision tower.
        image_ids: the images of each example, in the order of `features`.
    """

    def __init__(
        self, features: Sequence[Feature], images: ImageFeatures, image_ids: Sequence[Sequence[str]]
    ) -> None:
        if len(features) != len(image_ids):
            raise ValueError(f"{len(features)} features, and images of {len(image_ids)} examples")
        self.features, self.images, self.image_ids = features, images, image_ids

    def __len__(self) -> int:
        return len(self.features)

    def _at(self, index: int) -> Feature:
        return replace(self.features[index], images=self.images.of(self.image_ids[index]))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[n] sub-words of each feature's longest text, with the states of its images."""
        states = self.images.array.shape[1]
        counts = np.array([len(images) for images in self.image_ids], dtype=np.int64)
        return np.asarray(lengths(self.features) + counts * states)

    @property
    def text_counts(self) -> NDArray[np.int64]:
        """[n] number of texts of each feature."""
        return text_counts(self.features)

    def occurring_ids(self) -> list[int]:
        """Sorted sub-word ids that occur."""
        return occurring_ids(self.features)


def with_image_shape(shape: HeadShape, features: Sequence[Feature]) -> HeadShape:
    """The shape of a head for these features: with the size of their images, if they have any."""
    images = features[0].images if len(features) else None
    if images is None:
        return shape
    return replace(shape, image_tokens=images.shape[1], image_width=images.shape[2])
