"""One label per text or pair of texts: NLI, paraphrase, intents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
class TextExample:
    """One text, or a pair of texts, with a class label (format `classification`)."""

    id: str
    text: str
    label: str
    text_pair: str | None = None
    where: str | None = None


class Classification:
    """Pairs follow the encoder's own template; a too long pair loses from its longer text."""

    tied = False

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """Sub-word ids of each text or pair; target -100 where the label is blank."""
        index = {label: number for number, label in enumerate(labels)}
        targets = [index.get(row["label"], IGNORED) for row in rows]
        return text_features(rows, tokenizer, reading.max_length, targets)

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A sentence head over the first token or the mean of all."""
        from xstilts.models.heads import SentenceHead

        return SentenceHead(width, labels, dropout, pooling)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b] class indices."""
        import torch

        return torch.tensor([feature.target for feature in features])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, summed over examples."""
        from torch.nn import functional

        return functional.cross_entropy(logits.float(), targets, reduction="sum")

    def predictions(
        self,
        logits: Tensor,
        features: Sequence[Feature],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """The most likely label of each example."""
        return [labels[index] for index in logits.argmax(-1).tolist()]

    aggregate = staticmethod(identity_merge)
    positions = staticmethod(any_position)


CLASSIFICATION = Classification()
