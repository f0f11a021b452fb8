"""Features of examples with the states of their images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xstilts.formats.base import Feature, HeadShape
from xstilts.formats.feature_store import ConcatFeatures, lengths, occurring_ids, text_counts
from xstilts.formats.image_features import ImageFeatures, WithImages, with_image_shape
from xstilts.training.batching import collate
from xstilts.training.data_parallel_cpu import balanced_shards

STATES = np.arange(4 * 2 * 3, dtype=np.float32).reshape(4, 2, 3)
IMAGES = ImageFeatures(STATES, {"a": 0, "b": 1, "c": 2, "d": 3})


def feature(name: str, count: int = 3) -> Feature:
    return Feature(name, list(range(count)), [0] * count, 1)


def test_every_example_gets_the_states_of_its_own_images_in_their_order() -> None:
    features = WithImages([feature("1"), feature("2")], IMAGES, [("d", "a"), ("b", "c")])
    assert features[0].images is not None
    assert features[1].images is not None
    assert np.array_equal(features[0].images, STATES[[3, 0]])
    assert np.array_equal(features[1].images, STATES[[1, 2]])
    shape = with_image_shape(HeadShape("image_statement", 2, 0.0, "mean"), features)
    assert (shape.image_tokens, shape.image_width) == (2, 3)


def test_the_states_of_one_image_are_a_view_of_the_file() -> None:
    features = WithImages([feature("1")], IMAGES, [("c",)])
    assert features[0].images is not None
    assert np.shares_memory(features[0].images, STATES)


def test_an_image_without_states_is_an_error() -> None:
    with pytest.raises(KeyError, match="unknown"):
        WithImages([feature("1")], IMAGES, [("unknown",)])[0]


def test_images_must_be_given_for_every_example() -> None:
    with pytest.raises(ValueError, match="2 features"):
        WithImages([feature("1"), feature("2")], IMAGES, [("a",)])


def test_sizes_are_those_of_the_features_one_by_one() -> None:
    part = WithImages([feature("1", 5), feature("2")], IMAGES, [("d", "a"), ("b", "c")])
    both = ConcatFeatures([("x:", part), ("y:", [feature("1", 7)])])
    for features in (part, both):
        built = list(features)
        assert lengths(features).tolist() == lengths(built).tolist()
        assert text_counts(features).tolist() == text_counts(built).tolist()
        assert occurring_ids(features) == occurring_ids(built)
    assert lengths(both).tolist() == [5 + 4, 3 + 4, 7]
    assert both[0].id == "x:1"
    assert both[0].images is not None


def test_a_batch_has_the_images_of_its_features() -> None:
    features = WithImages([feature("1", 5), feature("2")], IMAGES, [("d", "a"), ("b", "c")])
    batch = collate(list(features), 0)
    assert batch.images is not None
    assert torch.equal(batch.images, torch.from_numpy(STATES[[[3, 0], [1, 2]]]))
    assert collate([feature("1")], 0).images is None


def test_states_of_images_count_in_the_size_of_shards() -> None:
    images = ImageFeatures(np.zeros((1, 300, 2), dtype=np.float32), {"a": 0})
    texts = [feature(str(number)) for number in range(4)]
    assert len(list(balanced_shards(texts))) == 1
    assert len(list(balanced_shards(list(WithImages(texts, images, [("a",)] * 4))))) == 2
