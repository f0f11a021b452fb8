"""One of several continuations: CommonsenseQA, Cosmos QA, HellaSwag, COPA.

Each choice is read together with the text, as a pair in the encoder's own template, and gets
one number; the choices of an example compete in a softmax. As in transformers'
`*ForMultipleChoice` models and in jiant's multiple-choice head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import (
    IGNORED,
    Feature,
    Row,
    TokenizationConfig,
    any_position,
    identity_merge,
)
from xstilts.formats.text_features import text_features

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ChoiceExample:
    """A text and its possible continuations (format `multiple_choice`).

    `label` is the task's label at the place of the right choice; a task with four labels has
    four choices in every example.
    """

    id: str
    text: str
    choices: tuple[str, ...]
    label: str
    where: str | None = None


class MultipleChoice:
    """Every example of a task has as many choices as the task has labels."""

    tied = False

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """The pair of the text and the first choice, with those of the others in `further`."""
        index = {label: number for number, label in enumerate(labels)}
        pairs = [
            {"id": row["id"], "text": row["text"], "text_pair": choice}
            for row in rows
            for choice in row["choices"]
        ]
        targets = [index.get(row["label"], IGNORED) for row in rows for _ in row["choices"]]
        flat = text_features(pairs, tokenizer, reading.max_length, targets)
        groups = [flat[start : start + len(labels)] for start in range(0, len(flat), len(labels))]
        return [replace(group[0], extra_texts=tuple(group[1:])) for group in groups]

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A sentence head with one output: [b × choices, t, width] → [b × choices, 1]."""
        from xstilts.models.heads import SentenceHead

        return SentenceHead(width, 1, dropout, pooling)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b] places of the right choices."""
        import torch

        return torch.tensor([feature.target for feature in features])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy over the choices, summed over examples."""
        from torch.nn import functional

        table = logits.float().view(len(targets), -1)
        return functional.cross_entropy(table, targets, reduction="sum")

    def predictions(
        self,
        logits: Tensor,
        features: Sequence[Feature],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """The label of the choice with the largest number, for each example."""
        best = logits.view(len(features), -1).argmax(-1)
        return [labels[place] for place in best.tolist()]

    aggregate = staticmethod(identity_merge)
    positions = staticmethod(any_position)


MULTIPLE_CHOICE = MultipleChoice()
