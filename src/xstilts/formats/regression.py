"""One number per text or pair of texts: similarity (STS-B), relatedness (SICK), ratings.

Mean squared error on the numbers as they are, as in transformers' sequence classification models
with one label (`problem_type` regression).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum, isnan
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import BadRow, Example, Feature, HeadShape, Row, TokenizationConfig
from xstilts.formats.checks import pair_problems
from xstilts.formats.classification import withhold_first_text
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    DUMMY_ROWS,
    BaselineSpec,
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    TranslationSpec,
)
from xstilts.formats.text_features import text_features
from xstilts.formats.training_spec import TrainingSpec
from xstilts.metrics.correlation import constant

if TYPE_CHECKING:
    from torch import Tensor, nn

NO_SCORE, OUTSIDE_BOUNDS = "no score", "score outside the bounds"


@dataclass(frozen=True)
class ScoredText:
    """One text, or a pair of texts, with a number (format `regression`).

    Args:
        score: finite; NaN in test sets whose gold answers were removed.
    """

    id: str
    text: str
    score: float
    text_pair: str | None = None
    where: str | None = None


def _example(name: str, row: FileRow) -> ScoredText:
    pair = row.optional_text("text_pair")
    return ScoredText(name, row.text("text"), row.number("score"), pair, row.where)


def _problems(example: ScoredText, _labels: frozenset[str], split: str) -> Iterator[Problem]:
    yield from pair_problems(example.text, example.text_pair)
    if isnan(example.score) and split != "test":
        yield NO_SCORE, ""


def _content(example: ScoredText) -> object:
    return example.text, example.text_pair


def _within_bounds(
    examples: Iterable[Example | BadRow], bounds: tuple[float, float]
) -> Iterator[Example | BadRow]:
    """The examples; those with a score outside of the bounds as bad rows."""
    low, high = bounds
    for example in examples:
        if isinstance(example, ScoredText) and (example.score < low or example.score > high):
            detail = f"{example.score:g}, not {low:g} to {high:g}"
            yield BadRow(example.id, OUTSIDE_BOUNDS, detail, example.where)
        else:
            yield example


def scores_are_blank(gold: Sequence[float]) -> bool:
    """Whether gold scores were removed: all are NaN, or the same on 20 rows or more."""
    if all(map(isnan, gold)):
        return bool(gold)
    return len(gold) >= DUMMY_ROWS and len(set(gold)) == 1


def _score_is_blank(score: float, _labels: Labels) -> bool:
    return isnan(score)


def _mean(gold: Sequence[float]) -> float:
    """The mean of the gold scores: the constant prediction with the least squared error."""
    known = [score for score in gold if not isnan(score)]
    return fsum(known) / len(known)


def _collapsed(gold: Sequence[float], predicted: Sequence[float]) -> bool:
    """Whether all predictions are equal while the gold scores differ."""
    return constant(predicted) and len(set(gold)) > 1


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-words of each text or pair in the encoder's template; the longer text is cut."""
    return text_features(rows, tokenizer, config.max_length, [float(row["score"]) for row in rows])


def _head(width: int, shape: HeadShape) -> nn.Module:
    """A sentence head with one output: [b, t, width] → [b, 1]."""
    from xstilts.models.heads import SentenceHead

    return SentenceHead(width, 1, shape.dropout, shape.pooling)


def _targets(features: Sequence[Feature], _tokens: int) -> Tensor:
    """[b] gold scores."""
    import torch

    return torch.tensor([feature.target for feature in features], dtype=torch.float32)


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Squared error, summed over examples."""
    from torch.nn import functional

    return functional.mse_loss(logits[:, 0].float(), targets, reduction="sum")


def _predictions(
    logits: Tensor, _features: Sequence[Feature], _labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    return logits[:, 0].tolist()


REGRESSION = FormatSpec(
    name="regression",
    example=ScoredText,
    metrics=("pearson", "spearman"),
    files=FileSpec(("text", "score"), _example),
    problems=_problems,
    optional_field="text_pair",
    content=_content,
    gold=GoldSpec("score", is_blank=scores_are_blank, row_is_blank=_score_is_blank),
    translation=TranslationSpec(("text", "text_pair")),
    input_only=withhold_first_text,
    within_bounds=_within_bounds,
    baseline=BaselineSpec(answer=_mean),
    features=_features,
    training=TrainingSpec(
        head=_head,
        targets=_targets,
        loss=_loss,
        predictions=_predictions,
        count=len,
        is_target=lambda target: not isnan(target),
        collapsed=_collapsed,
    ),
)
