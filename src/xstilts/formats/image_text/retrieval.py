"""`image_retrieval`: captions and their images; each is searched for among all of a test set.

A dual encoder: caption and image get a vector each, and are trained by the symmetric in-batch
softmax of CLIP (Radford et al. 2021). An image may have several captions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import Feature, HeadShape, Row, TokenizationConfig, subword_list
from xstilts.formats.checks import text_problems
from xstilts.formats.contrastive import ContrastiveSettings, group_numbers, in_batch_softmax
from xstilts.formats.image_text.checks import IMAGE_COLUMNS, image_names, image_problems
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    TranslationSpec,
)
from xstilts.formats.text_features import text_features, texts_without_subword
from xstilts.formats.training_spec import TrainingSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

SETTINGS = ContrastiveSettings(temperature=0.07, symmetric=True)
"""The temperature at which CLIP begins; there it is learned. A recipe can change it."""


@dataclass(frozen=True)
class CaptionExample:
    """A caption and its image (format `image_retrieval`).

    Args:
        images: the name of the image in the task's source of images.
    """

    id: str
    text: str
    images: tuple[str, ...]
    where: str | None = None


def _example(name: str, row: FileRow) -> CaptionExample:
    return CaptionExample(name, row.text("text"), image_names(row, 1), row.where)


def _problems(example: CaptionExample, _labels: frozenset[str], _split: str) -> Iterator[Problem]:
    yield from image_problems(example.images, 1)
    yield from text_problems([example.text])


def _content(example: CaptionExample) -> object:
    return example.text, example.images


def _never_blank(_gold: Any, *_labels: Labels) -> bool:
    """Each caption has an image, which is its gold answer."""
    return False


def _as_prediction(images: Sequence[str]) -> tuple[str, str]:
    """The right image for the caption, and a caption of the image's own."""
    return images[0], images[0]


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-words of each caption, with the name of its image as `context`."""
    texts = [{"id": row["id"], "text": row["text"]} for row in rows]
    features = text_features(texts, tokenizer, config.max_length, [0] * len(rows))
    return [
        replace(feature, context=row["images"][0])
        for feature, row in zip(features, rows, strict=True)
    ]


def _without_subword(
    rows: Sequence[Row], _features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The captions that the tokenizer has no sub-word for."""
    return texts_without_subword(((row["id"], row["text"]) for row in rows), tokenizer)


def _head(width: int, shape: HeadShape) -> nn.Module:
    from xstilts.models.fusion import ImageTextVectors

    is_joint = shape.image_tokens == 1 and shape.image_width == shape.joint_width
    text_width = shape.joint_width or width
    return ImageTextVectors(text_width, shape.image_width, shape.pooling, joint=is_joint)


def _targets(features: Sequence[Feature], _tokens: int) -> Tensor:
    """[b, 2] numbers of captions and of images, equal where these are equal."""
    return group_numbers(
        (tuple(subword_list(feature.ids)), feature.context) for feature in features
    )


def _loss(vectors: Tensor, groups: Tensor) -> Tensor:
    return in_batch_softmax(vectors, groups, SETTINGS)


def _predictions(
    vectors: Tensor, _features: Sequence[Feature], _labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    """[2, width] per example: the vectors of caption and image."""
    return list(vectors.numpy())


def _retrieved(
    features: Sequence[Feature],
    vectors: Sequence[Any],
    _labels: Labels,
    _config: TokenizationConfig,
) -> list[Any]:
    """The nearest image of each caption, and the image of its image's nearest caption."""
    import numpy as np

    from xstilts.metrics.image_retrieval import nearest_images

    names = [feature.context for feature in features]
    captions, images = np.stack(vectors).swapaxes(0, 1)
    return nearest_images(captions, images, names)


IMAGE_RETRIEVAL = FormatSpec(
    name="image_retrieval",
    example=CaptionExample,
    metrics=("image_text_recall_at_1", "text_to_image_recall_at_1", "image_to_text_recall_at_1"),
    files=FileSpec(("text", *IMAGE_COLUMNS[:1]), _example),
    problems=_problems,
    content=_content,
    gold=GoldSpec(
        "images", is_blank=_never_blank, row_is_blank=_never_blank, as_prediction=_as_prediction
    ),
    translation=TranslationSpec(("text",)),
    features=_features,
    feature_problems=_without_subword,
    training=TrainingSpec(
        head=_head,
        targets=_targets,
        loss=_loss,
        predictions=_predictions,
        aggregate=_retrieved,
        count=len,
        batch_loss=in_batch_softmax,
        contrastive=SETTINGS,
        images=1,
        has_dropout=False,
    ),
)
