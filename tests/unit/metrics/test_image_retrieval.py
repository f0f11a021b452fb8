"""Recall at 1 between captions and images."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.metrics.image_retrieval import (
    IMAGE_TEXT_RECALL_AT_1,
    IMAGE_TO_TEXT_RECALL_AT_1,
    TEXT_TO_IMAGE_RECALL_AT_1,
    nearest_images,
    statistics,
)

NAMES = ["a", "a", "b", "c"]
GOLD = [[name] for name in NAMES]
IMAGES = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]


def recalls(predicted: list[tuple[str, str]]) -> tuple[float, float, float]:
    sums = statistics(GOLD, predicted, "").sum(0)
    metrics = (TEXT_TO_IMAGE_RECALL_AT_1, IMAGE_TO_TEXT_RECALL_AT_1, IMAGE_TEXT_RECALL_AT_1)
    to_image, to_text, mean = (float(metric.value(sums)) for metric in metrics)
    return to_image, to_text, mean


def test_perfect_vectors_have_a_recall_of_one() -> None:
    assert recalls(nearest_images(IMAGES, IMAGES, NAMES)) == pytest.approx((1, 1, 1))


def test_any_caption_of_an_image_is_correct_and_each_image_counts_once() -> None:
    captions = IMAGES.copy()
    captions[1] = IMAGES[2]  # the second caption of a describes b even better than b's own
    captions[2] = [0.0, 0.9, 0.1]
    predicted = nearest_images(captions, IMAGES, NAMES)
    assert predicted == [("a", "a"), ("b", "a"), ("b", "a"), ("c", "c")]
    assert recalls(predicted) == pytest.approx((3 / 4, 2 / 3, (3 / 4 + 2 / 3) / 2))


def test_ties_count_against_the_right_answer() -> None:
    ones = np.ones((4, 3), dtype=np.float32)
    assert recalls(nearest_images(ones, ones, NAMES)) == (0, 0, 0)


def test_predictions_are_those_of_a_plain_search() -> None:
    generator = np.random.default_rng(0)
    names = [str(number // 3) for number in range(2100)]
    by_name = generator.normal(size=(700, 8)).astype(np.float32)
    images = by_name[[int(name) for name in names]]
    captions = images + generator.normal(size=images.shape).astype(np.float32)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (captions, by_name)]
    cosines = unit[0] @ unit[1].T
    expected = [
        (str(cosines[row].argmax()), names[cosines[:, int(name)].argmax()])
        for row, name in enumerate(names)
    ]
    assert nearest_images(captions, images, names) == expected


def test_a_set_with_a_single_image_is_answered_right() -> None:
    vectors = np.ones((2, 3), dtype=np.float32)
    assert nearest_images(vectors, vectors, ["a", "a"]) == [("a", "a")] * 2
