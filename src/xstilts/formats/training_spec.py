"""`TrainingSpec`: the head of a format, its loss, and the predictions it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from xstilts.formats.base import IGNORED, Feature, HeadShape, TokenizationConfig
from xstilts.formats.contrastive import ContrastiveSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from xstilts.formats.spec import Labels


def same_prediction(gold: Sequence[Any], predicted: Sequence[Any]) -> bool:
    """Whether all predictions are equal while the gold answers differ."""
    return len(set(predicted)) == 1 and len(set(map(str, gold))) > 1


def all_positions(_features: Sequence[Feature], _tokens: int) -> None:
    """For heads that may read every sub-word, or whose pooling says which."""


def one_per_example(
    _features: Sequence[Feature],
    predictions: Sequence[Any],
    _labels: Labels,
    _config: TokenizationConfig,
) -> list[Any]:
    """For formats with one feature per example."""
    return list(predictions)


def one_object_per_feature(features: Sequence[Feature]) -> list[Any]:
    """A list with an empty slot for the prediction of each feature."""
    return [None] * len(features)


def is_labelled(target: float) -> bool:
    """Whether a target is a class index, not `IGNORED`."""
    return target != IGNORED


def labelled_targets(targets: Tensor) -> int:
    """How many targets are class indices, not `IGNORED`."""
    return int((targets != IGNORED).sum())


class GoldLogits(NamedTuple):
    """The choices that one gold answer consists of: logits [choices, options], gold [choices]."""

    logits: Tensor
    gold: Tensor


@dataclass(frozen=True)
class SelfSupervision:
    """Targets drawn from the text itself, again each time an example is seen.

    Args:
        drawer: (share of the sub-words, tokenizer, vocabulary size) → (feature, seed) → feature
            with targets.
        gold: a feature with targets → the gold answer.
    """

    drawer: Callable[[float, Any, int], Callable[[Feature, int], Feature]]
    gold: Callable[[Feature], Any]


Aggregate = Callable[[Sequence[Feature], Any, Sequence[str], TokenizationConfig], Sequence[Any]]
"""(features, predictions, labels, config) → one prediction per example."""


@dataclass(frozen=True)
class AnswerTextSpec:
    """How answers get the text that XTREME's or jiant's scripts give them.

    Args:
        spans: the answers as parts of their texts; each has a `text` of its own.
        text: (answer, rule, tokenizer) → the text by the rule.
    """

    spans: Aggregate
    text: Callable[[Any, Any, Any], str]


class PredictedClass(NamedTuple):
    """A prediction with its probability, between 0 and 1."""

    prediction: Any
    probability: float


@dataclass(frozen=True)
class TrainingSpec:
    """The head of a format, its loss, and the way from logits to predictions.

    All functions may be called in several threads at once; randomness in a head must be
    `nn.Dropout`. They import torch themselves, so that planning does not.

    Args:
        head: (encoder width, shape) → a new head. Its `forward` takes hidden states
            [n, t, width] and mask [n, t] and returns logits, for n texts.
        targets: (features, tokens) → the targets of a batch padded to a number of sub-words.
        loss: (logits, targets) → the loss, summed over targets.
        predictions: (logits, features, labels, config) → one prediction per feature.
        probabilities: (logits, features) → the probability of the prediction of each feature; for
            formats with one softmax per example and one feature.
        empty_predictions: features → what takes their predictions, each by `[index] =`, for formats
            whose predictions need less memory together.
        aggregate: (features, predictions, labels, config) → one prediction per example.
        answer_text: for formats whose answers have another text by the rule of XTREME's scripts.
        positions: (features, tokens) → [b, t] the sub-words whose hidden states the head reads;
            none for all.
        count: targets → how many are scored, which the loss is divided by.
        is_target: a number of `Feature.target` → whether it is a gold answer to train on.
        tied: the head ends in the word embedding matrix and is computed at `positions` only:
            `forward` takes both in addition and returns `TiedLogits`.
        gold_logits: (logits, features) → each feature's gold answer as choices among options, for
            its probability; none if it is not made of choices.
        gold_options: (feature, labels) → how many choices that are, among how many options each.
        collapsed: (gold, predicted) → whether the model gives one answer to everything.
        self_supervision: for formats without gold answers.
        batch_loss: for formats whose examples are compared with one another:
            (vectors, targets, settings) of the whole batch → the loss, summed over examples. The
            logits of such a head are vectors, the same number for every example; vectors are
            [b, k, width], in the order of the examples. `loss` is the same with `contrastive`.
        contrastive: the settings of `batch_loss` where a recipe has none.
        images: number of images per example that the head reads: its `forward` takes their states
            [n, images, p, w], or none, in addition.
        pools: whether the head reads one vector per text, by the encoder's pooling.
        has_dropout: whether the head has dropout.
        has_weights: whether the head has weights.
    """

    head: Callable[[int, HeadShape], nn.Module]
    targets: Callable[[Sequence[Feature], int], Tensor]
    loss: Callable[[Any, Tensor], Tensor]
    predictions: Callable[[Any, Sequence[Feature], Labels, TokenizationConfig], list[Any]]
    probabilities: Callable[[Any, Sequence[Feature]], list[float]] | None = None
    empty_predictions: Callable[[Sequence[Feature]], Any] = one_object_per_feature
    aggregate: Aggregate = one_per_example
    answer_text: AnswerTextSpec | None = None
    positions: Callable[[Sequence[Feature], int], Tensor | None] = all_positions
    count: Callable[[Tensor], int] = labelled_targets
    is_target: Callable[[float], bool] = is_labelled
    tied: bool = False
    gold_logits: Callable[[Any, Sequence[Feature]], list[GoldLogits]] | None = None
    gold_options: Callable[[Feature, Labels], tuple[int, int]] | None = None
    collapsed: Callable[[Sequence[Any], Sequence[Any]], bool] = same_prediction
    self_supervision: SelfSupervision | None = None
    batch_loss: Callable[[Tensor, Tensor, ContrastiveSettings], Tensor] | None = None
    contrastive: ContrastiveSettings = field(default_factory=ContrastiveSettings)
    images: int = 0
    pools: bool = True
    has_dropout: bool = True
    has_weights: bool = True

    def answers(
        self,
        logits: Any,
        features: Sequence[Feature],
        labels: Labels,
        config: TokenizationConfig,
    ) -> list[Any]:
        """One prediction per feature, with its probability where the format has any."""
        predictions = self.predictions(logits, features, labels, config)
        if self.probabilities is None:
            return predictions
        return list(map(PredictedClass, predictions, self.probabilities(logits, features)))

    @property
    def whole_batch(self) -> bool:
        """Whether the loss needs the vectors of a whole batch, in slices or not."""
        return self.batch_loss is not None
