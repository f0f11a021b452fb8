"""One of several continuations: CommonsenseQA, Cosmos QA, HellaSwag, COPA.

Each choice is read together with the text, as a pair in the encoder's own template, and gets
one number; the choices of an example compete in a softmax. As in transformers'
`*ForMultipleChoice` models and in jiant's multiple-choice head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import IGNORED, Feature, HeadShape, Row, TokenizationConfig
from xstilts.formats.checks import label_problems, text_problems
from xstilts.formats.class_probability import class_probability
from xstilts.formats.classification import class_targets
from xstilts.formats.gold_logits import class_logits
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
from xstilts.formats.training_spec import GoldLogits, TrainingSpec

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ChoiceExample:
    """A text and its possible continuations (format `multiple_choice`).

    The n-th label of the task stands for the n-th choice; a task with four labels has four
    choices in every example.
    """

    id: str
    text: str
    choices: tuple[str, ...]
    label: str
    where: str | None = None


def _example(name: str, row: FileRow) -> ChoiceExample:
    columns = takewhile(row.cells.__contains__, (f"choice{number}" for number in count(1)))
    cells = [row.optional_text(column) for column in columns]
    while cells and cells[-1] is None:  # a column that only other tasks of the file fill
        cells.pop()
    choices = tuple(cell or "" for cell in cells)
    return ChoiceExample(name, row.text("text"), choices, row.label("label"), row.where)


def _problems(example: ChoiceExample, labels: frozenset[str], split: str) -> Iterator[Problem]:
    if len(example.choices) != len(labels):
        yield "not as many choices as labels", f"{len(example.choices)}, {len(labels)}"
    yield from text_problems((example.text, *example.choices))
    yield from label_problems([example.label], labels, split)


def _content(example: ChoiceExample) -> object:
    return example.text, example.choices


def _input_only(row: Row) -> Row:
    """The choices without the text that they continue."""
    return {**row, "text": ""}


def _features(
    rows: Sequence[Row], tokenizer: Any, labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """The pair of the text and the first choice, with those of the others in `extra_texts`."""
    index = {label: number for number, label in enumerate(labels)}
    pairs = [
        {"id": row["id"], "text": row["text"], "text_pair": choice}
        for row in rows
        for choice in row["choices"]
    ]
    targets = [index.get(row["label"], IGNORED) for row in rows for _ in row["choices"]]
    flat = text_features(pairs, tokenizer, config.max_length, targets)
    groups = [flat[start : start + len(labels)] for start in range(0, len(flat), len(labels))]
    return [replace(group[0], extra_texts=tuple(group[1:])) for group in groups]


def _without_subword(
    rows: Sequence[Row], _features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The texts and choices that the tokenizer has no sub-word for."""
    texts = ((row["id"], text) for row in rows for text in (row["text"], *row["choices"]))
    return texts_without_subword(texts, tokenizer)


def _head(width: int, shape: HeadShape) -> nn.Module:
    """A sentence head with one output: [b × choices, t, width] → [b × choices, 1]."""
    from xstilts.models.heads import SentenceHead

    return SentenceHead(width, 1, shape.dropout, shape.pooling)


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy over the choices, summed over examples."""
    from torch.nn import functional

    table = logits.float().view(len(targets), -1)
    return functional.cross_entropy(table, targets, reduction="sum")


def _predictions(
    logits: Tensor, features: Sequence[Feature], labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    """The label of the choice with the largest number, for each example."""
    best = logits.view(len(features), -1).argmax(-1)
    return [labels[choice] for choice in best.tolist()]


def _gold_logits(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    return class_logits(logits.view(len(features), -1), features)


def _gold_options(feature: Feature, _labels: Labels) -> tuple[int, int]:
    assert not isinstance(feature.target, list)
    return int(feature.target >= 0), len(feature.texts)


MULTIPLE_CHOICE = FormatSpec(
    name="multiple_choice",
    example=ChoiceExample,
    metrics=("accuracy",),
    files=FileSpec(("text", "choice1", "choice2", "label"), _example),
    problems=_problems,
    content=_content,
    gold=GoldSpec("label", class_of="text", is_position=True),
    translation=TranslationSpec(("text", "choices")),
    input_only=_input_only,
    baseline=BaselineSpec(),
    features=_features,
    feature_problems=_without_subword,
    training=TrainingSpec(
        head=_head,
        targets=class_targets,
        loss=_loss,
        predictions=_predictions,
        probabilities=class_probability,
        gold_logits=_gold_logits,
        gold_options=_gold_options,
    ),
)
