"""A text and its images with one label: inference, statements about two images, questions.

`image_inference`: does the image entail, contradict or leave open the text (visual entailment, Xie
et al. 2019; XVNLI). `image_statement`: is the statement true of two images (NLVR2, MaRVL).
`image_question`: the answer to a question about an image, among the answers of the training set
(xGQA). All are classified by the fusion head of `xstilts.models.fusion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import IGNORED, Feature, HeadShape, Row, TokenizationConfig
from xstilts.formats.checks import OUTSIDE, label_problems, text_problems
from xstilts.formats.class_probability import class_probability
from xstilts.formats.classification import class_targets
from xstilts.formats.gold_logits import class_logits, class_options
from xstilts.formats.image_text.checks import (
    IMAGE_COLUMNS,
    image_names,
    image_problems,
    without_images,
)
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    BaselineSpec,
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    TranslationSpec,
    no_problems,
)
from xstilts.formats.text_features import text_features, texts_without_subword
from xstilts.formats.training_spec import TrainingSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

UNKNOWN_ANSWER = "answer outside the label set, kept and counted as wrong"


@dataclass(frozen=True)
class ImageTextExample:
    """A text and its images with a class label (the formats of this module).

    Args:
        text: hypothesis, statement or question.
        images: names of its images in the task's source of images, in their order.
    """

    id: str
    text: str
    images: tuple[str, ...]
    label: str
    where: str | None = None


def _example(count: int, name: str, row: FileRow) -> ImageTextExample:
    images = image_names(row, count)
    return ImageTextExample(name, row.text("text"), images, row.label("label"), row.where)


def _problems(
    count: int, example: ImageTextExample, labels: frozenset[str], split: str
) -> Iterator[Problem]:
    yield from image_problems(example.images, count)
    yield from text_problems([example.text])
    yield from label_problems([example.label], labels, split)


def _question_problems(
    example: ImageTextExample, labels: frozenset[str], split: str
) -> Iterator[Problem]:
    """As of the others; answers that training does not know are problems of training rows only."""
    for kind, detail in _problems(1, example, labels, split):
        if kind != OUTSIDE or split == "train" or not example.label.strip():
            yield kind, detail


def _unknown_answer(example: ImageTextExample, labels: Labels) -> Iterator[Problem]:
    """A gold answer that the model cannot give."""
    if example.label.strip() and example.label not in labels:
        yield UNKNOWN_ANSWER, repr(example.label)


def _content(example: ImageTextExample) -> object:
    return example.text, example.images


def _features(
    rows: Sequence[Row], tokenizer: Any, labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-words of each text; images are attached later, see `WithImages`."""
    index = {label: number for number, label in enumerate(labels)}
    targets = [index.get(row["label"], IGNORED) for row in rows]
    texts = [{"id": row["id"], "text": row["text"]} for row in rows]
    return text_features(texts, tokenizer, config.max_length, targets)


def _without_subword(
    rows: Sequence[Row], _features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The texts that the tokenizer has no sub-word for."""
    return texts_without_subword(((row["id"], row["text"]) for row in rows), tokenizer)


def _head(images: int, width: int, shape: HeadShape) -> nn.Module:
    from xstilts.models.fusion import FusionHead

    return FusionHead(
        width,
        shape.labels,
        shape.dropout,
        shape.pooling,
        images=images,
        image_width=shape.image_width,
        image_tokens=shape.image_tokens,
    )


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.cross_entropy(logits.float(), targets, reduction="sum")


def _predictions(
    logits: Tensor, _features: Sequence[Feature], labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    return [labels[index] for index in logits.argmax(-1).tolist()]


def _format(
    name: str,
    images: int,
    problems: Callable[[Any, frozenset[str], str], Iterator[Problem]],
    warnings: Callable[[Any, Labels], Any] = no_problems,
) -> FormatSpec:
    return FormatSpec(
        name=name,
        example=ImageTextExample,
        metrics=("accuracy",),
        files=FileSpec(("text", *IMAGE_COLUMNS[:images], "label"), partial(_example, images)),
        problems=problems,
        warnings=warnings,
        content=_content,
        gold=GoldSpec("label", class_of="text"),
        translation=TranslationSpec(("text",)),
        input_only=without_images,
        baseline=BaselineSpec(),
        features=_features,
        feature_problems=_without_subword,
        training=TrainingSpec(
            head=partial(_head, images),
            targets=class_targets,
            loss=_loss,
            predictions=_predictions,
            probabilities=class_probability,
            gold_logits=class_logits,
            gold_options=class_options,
            images=images,
        ),
    )


IMAGE_INFERENCE = _format("image_inference", 1, partial(_problems, 1))
IMAGE_STATEMENT = _format("image_statement", 2, partial(_problems, 2))
IMAGE_QUESTION = _format("image_question", 1, _question_problems, _unknown_answer)
