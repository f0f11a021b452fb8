"""Recall at 1 of retrieval between captions and images, in both directions.

Captions are queries among the distinct images of a test set, and each distinct image is a query
among all captions, of which any of its own is correct. The statistics of a caption are (hit, 1)
from text to image, and from image to text (hit, 1) of its image, divided by the number of the
image's captions, so that each image counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.base import Floats, Metric, ratio
from xstilts.metrics.knn import BLOCK, pad_to_tile, tiled_matmul, unit

FORMATS = ("image_retrieval",)


def nearest_images(
    captions: NDArray[np.float32], images: NDArray[np.float32], names: Sequence[str]
) -> list[tuple[str, str]]:
    """For each caption its nearest image, and the image of the caption nearest to its image.

    Args:
        captions, images: [n, width] vectors of each caption and of its image, compared by cosine.
        names: [n] name of each caption's image; equal names have equal vectors.

    Ties count against the correct image, so that a model without any preference gets no credit.
    """
    distinct = list(dict.fromkeys(names))
    numbers = {name: number for number, name in enumerate(distinct)}
    own = np.array([numbers[name] for name in names])
    _, first = np.unique(own, return_index=True)
    of_captions = _nearest(captions, images[first], own, np.arange(len(distinct)))
    of_images = _nearest(images[first], captions, np.arange(len(distinct)), own)
    return [
        (distinct[image], distinct[of_images[number]])
        for image, number in zip(of_captions, own, strict=True)
    ]


def _nearest(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    query_groups: NDArray[np.int64],
    candidate_groups: NDArray[np.int64],
) -> NDArray[np.int64]:
    """[q] group of each query's nearest candidate; of equally near ones, not the query's own."""
    left, right = unit(queries), pad_to_tile(unit(candidates))
    groups = np.empty(len(left), dtype=np.int64)
    for start in range(0, len(left), BLOCK):
        rows = slice(start, start + BLOCK)
        cosines = tiled_matmul(left[rows], right)[:, : len(candidates)]
        correct = candidate_groups == query_groups[rows, None]
        wrong = np.where(correct, -np.inf, cosines)
        best = wrong.argmax(1)
        own_is_best = np.where(correct, cosines, -np.inf).max(1) > wrong.max(1)
        groups[rows] = np.where(own_is_best, query_groups[rows], candidate_groups[best])
    return groups


def statistics(gold: Sequence[Any], predicted: Sequence[Any], language: str) -> Floats:
    """[n, 4]: see the module.

    Args:
        gold: the images of each caption, one.
        predicted: the nearest image, and the image of the caption nearest to its image.
    """
    names = [images[0] for images in gold]
    captions = Counter(names)
    return np.array(
        [
            [image == name, 1.0, (caption == name) / captions[name], 1 / captions[name]]
            for name, (image, caption) in zip(names, predicted, strict=True)
        ]
    ).reshape(-1, 4)


def _text_to_image(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 1])


def _image_to_text(sums: Floats) -> Floats:
    return ratio(sums[..., 2], sums[..., 3])


def _mean(sums: Floats) -> Floats:
    return (_text_to_image(sums) + _image_to_text(sums)) / 2


def _metric(name: str, value: Callable[[Floats], Floats], title: str) -> Metric:
    return Metric(
        name=name, version=1, statistics=statistics, value=value, formats=FORMATS, title=title
    )


IMAGE_TEXT_RECALL_AT_1 = _metric(
    "image_text_recall_at_1",
    _mean,
    "recall at rank 1, mean of both directions",
)
TEXT_TO_IMAGE_RECALL_AT_1 = _metric(
    "text_to_image_recall_at_1", _text_to_image, "recall at rank 1 of a caption's image"
)
IMAGE_TO_TEXT_RECALL_AT_1 = _metric(
    "image_to_text_recall_at_1", _image_to_text, "recall at rank 1 of an image's caption"
)
