"""The image formats: rows of user files, checks, features, losses and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from xstilts.formats import FORMATS
from xstilts.formats.base import IGNORED, Feature, HeadShape, TokenizationConfig
from xstilts.formats.image_text.checks import NO_IMAGE
from xstilts.formats.image_text.classification import UNKNOWN_ANSWER, ImageTextExample
from xstilts.formats.image_text.retrieval import CaptionExample
from xstilts.formats.io.readers import FileRow

CLASSIFIED = ("image_inference", "image_statement", "image_question")
READING = TokenizationConfig()


class Letters:
    """A tokenizer with a sub-word per letter."""

    def __call__(self, texts: list[str], *_: Any, **__: Any) -> dict[str, list[list[int]]]:
        ids = [list(text.encode()) for text in texts]
        return {"input_ids": ids, "token_type_ids": [[0] * len(text) for text in ids]}


def problems(name: str, example: Any, labels: tuple[str, ...], split: str) -> list[str]:
    spec = FORMATS.get(name)
    return [kind for kind, _ in spec.problems(example, frozenset(labels), split)]


def read(name: str, labels: tuple[str, ...] = (), **cells: Any) -> Any:
    files = FORMATS.get(name).files
    assert files is not None
    assert files.example is not None
    return files.example("1", FileRow(cells, "file:1", "1", labels))


def test_rows_of_user_files_become_examples() -> None:
    inference = read("image_inference", text="a cat", image="cat.png", label="yes")
    assert inference == ImageTextExample("1", "a cat", ("cat.png",), "yes", "file:1")
    cells = {"text": "two cats", "image": "1.png", "image2": "2.png", "label": True}
    statement = read("image_statement", ("false", "true"), **cells)
    assert statement == ImageTextExample("1", "two cats", ("1.png", "2.png"), "true", "file:1")
    caption = read("image_retrieval", text="a cat", image=7.0)
    assert caption == CaptionExample("1", "a cat", ("7",), "file:1")


@pytest.mark.parametrize("name", [*CLASSIFIED, "image_retrieval"])
def test_a_text_without_an_image_is_named(name: str) -> None:
    cells = {"text": "a cat", "image": None, "image2": "2.png", "label": "yes"}
    example = read(name, **cells)
    assert problems(name, example, ("yes",), "test") == [NO_IMAGE]


def test_a_statement_needs_two_images() -> None:
    example = ImageTextExample("1", "two cats", ("1.png",), "true")
    assert problems("image_statement", example, ("true",), "train") == [NO_IMAGE]


@pytest.mark.parametrize("name", CLASSIFIED)
def test_a_training_label_outside_the_set_is_named(name: str) -> None:
    images = ("1.png", "2.png")[: FORMATS.get(name).images]
    example = ImageTextExample("1", "a cat", images, "maybe")
    assert problems(name, example, ("yes", "no"), "train") == ["label outside the set"]


def test_an_unknown_answer_is_kept_in_evaluation_and_counted() -> None:
    example, labels = ImageTextExample("1", "which?", ("1.png",), "zebra"), ("yes", "no")
    assert problems("image_question", example, labels, "test") == []
    warnings = FORMATS.get("image_question").warnings(example, labels)
    assert list(warnings) == [(UNKNOWN_ANSWER, "'zebra'")]
    assert problems("image_inference", example, labels, "test") == ["label outside the set"]


@pytest.mark.parametrize("name", CLASSIFIED)
def test_features_have_the_class_of_their_row(name: str) -> None:
    rows = [
        {"id": "1", "text": "ab", "images": ["x"], "label": "no"},
        {"id": "2", "text": "c", "images": ["y"], "label": ""},
    ]
    features = FORMATS.get(name).features(rows, Letters(), ("yes", "no"), READING)
    assert [(one.id, one.ids, one.target) for one in features] == [
        ("1", [97, 98], 1),
        ("2", [99], IGNORED),
    ]


@pytest.mark.parametrize("name", CLASSIFIED)
def test_input_only_rows_have_no_images(name: str) -> None:
    spec = FORMATS.get(name)
    images = {"images": ["x"], "image_digests": ["12"], "image_source": "mine train"}
    text = {"id": "1", "text": "a", "label": "yes"}
    assert spec.input_only is not None
    assert spec.input_only({**text, **images}) == text


def test_the_head_has_no_image_weights_where_images_are_withheld() -> None:
    training = FORMATS.get("image_statement").training
    assert training is not None
    with_images = training.head(8, HeadShape("image_statement", 2, 0.0, "mean", None, 5, 3))
    without = training.head(8, HeadShape("image_statement", 2, 0.0, "mean"))
    assert "image_tokens.number.weight" in with_images.state_dict()
    assert not any("image" in name for name in without.state_dict())


def captions(*pairs: tuple[str, str]) -> list[Feature]:
    rows = [
        {"id": str(number), "text": text, "images": [image]}
        for number, (text, image) in enumerate(pairs)
    ]
    return FORMATS.get("image_retrieval").features(rows, Letters(), (), READING)


def test_another_caption_of_the_image_is_no_negative() -> None:
    training = FORMATS.get("image_retrieval").training
    assert training is not None
    features = captions(("ab", "x"), ("c", "x"), ("d", "y"), ("ab", "z"))
    groups = training.targets(features, 2)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(4, 2, 5, generator=generator)
    unit = torch.nn.functional.normalize(vectors, dim=-1)
    scores = (unit[:, 0] @ unit[:, 1].T) / 0.07
    for row, column in ((0, 1), (1, 0), (0, 3), (3, 0)):  # same image, same text
        scores[row, column] = -torch.inf
    own = torch.arange(4)
    losses = [
        torch.nn.functional.cross_entropy(table, own, reduction="sum")
        for table in (scores, scores.T)
    ]
    assert torch.allclose(training.loss(vectors, groups), sum(losses) / 2)


def test_captions_and_images_are_ranked_among_all_of_a_set() -> None:
    spec = FORMATS.get("image_retrieval")
    assert spec.training is not None
    features = captions(("ab", "x"), ("c", "x"), ("d", "y"))
    vectors = torch.eye(2)[torch.tensor([[0, 0], [1, 0], [1, 1]])]
    per_feature = spec.training.predictions(vectors, features, (), READING)
    found = spec.training.aggregate(features, per_feature, (), READING)
    assert found == [("x", "x"), ("y", "x"), ("y", "x")]
    assert np.shape(per_feature[0]) == (2, 2)
