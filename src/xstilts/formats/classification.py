"""One label per text or pair of texts: NLI, paraphrase, intents."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.core.hashing import seed_of
from xstilts.formats.base import IGNORED, Feature, HeadShape, Row, TokenizationConfig
from xstilts.formats.checks import label_problems, pair_problems
from xstilts.formats.class_probability import class_probability
from xstilts.formats.gold_logits import class_logits, class_options
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    BaselineSpec,
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


@dataclass(frozen=True)
class TextExample:
    """One text, or a pair of texts, with a class label (format `classification`)."""

    id: str
    text: str
    label: str
    text_pair: str | None = None
    where: str | None = None


def _example(name: str, row: FileRow) -> TextExample:
    pair = row.optional_text("text_pair")
    return TextExample(name, row.text("text"), row.label("label"), pair, row.where)


def _problems(example: TextExample, labels: frozenset[str], split: str) -> Iterator[Problem]:
    yield from pair_problems(example.text, example.text_pair)
    yield from label_problems([example.label], labels, split)


def _content(example: TextExample) -> object:
    return example.text, example.text_pair


def withhold_first_text(row: Row) -> Row:
    """The second text of a pair alone; a single text with its words shuffled.

    Source: Gururangan et al. (2018) and Poliak et al. (2018), hypothesis-only NLI.
    """
    if row.get("text_pair") is not None:
        return {**row, "text": row["text_pair"], "text_pair": None}
    words = row["text"].split()
    return {**row, "text": " ".join(words[position] for position in shuffled(row, len(words)))}


def shuffled(row: Row, count: int) -> list[int]:
    """The numbers below a count in an order that depends on the row's id."""
    order = list(range(count))
    random.Random(seed_of("withhold", row["id"])).shuffle(order)
    return order


def _features(
    rows: Sequence[Row], tokenizer: Any, labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-words of each text or pair in the encoder's template; the longer text is cut."""
    index = {label: number for number, label in enumerate(labels)}
    targets = [index.get(row["label"], IGNORED) for row in rows]
    return text_features(rows, tokenizer, config.max_length, targets)


def _without_subword(
    rows: Sequence[Row], _features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The texts that the tokenizer has no sub-word for."""
    texts = ((row["id"], row.get(name)) for row in rows for name in ("text", "text_pair"))
    return texts_without_subword(texts, tokenizer)


def _head(width: int, shape: HeadShape) -> nn.Module:
    from xstilts.models.heads import SentenceHead

    return SentenceHead(width, shape.labels, shape.dropout, shape.pooling)


def class_targets(features: Sequence[Feature], _tokens: int) -> Tensor:
    """[b] class indices."""
    import torch

    return torch.tensor([feature.target for feature in features])


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.cross_entropy(logits.float(), targets, reduction="sum")


def _predictions(
    logits: Tensor, _features: Sequence[Feature], labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    return [labels[index] for index in logits.argmax(-1).tolist()]


CLASSIFICATION = FormatSpec(
    name="classification",
    example=TextExample,
    metrics=("accuracy",),
    files=FileSpec(("text", "label"), _example),
    problems=_problems,
    optional_field="text_pair",
    content=_content,
    gold=GoldSpec("label", class_of="text"),
    translation=TranslationSpec(("text", "text_pair")),
    input_only=withhold_first_text,
    baseline=BaselineSpec(),
    features=_features,
    feature_problems=_without_subword,
    training=TrainingSpec(
        head=_head,
        targets=class_targets,
        loss=_loss,
        predictions=_predictions,
        probabilities=class_probability,
        gold_logits=class_logits,
        gold_options=class_options,
    ),
)
