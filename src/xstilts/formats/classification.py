"""One label per text or pair of texts: NLI, paraphrase, intents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.formats.base import Feature, Row, TokenizationConfig, any_position, identity_merge
from xstilts.formats.pooling import pool
from xstilts.formats.text_features import text_features

IGNORED = -100


class SentenceHead(nn.Module):
    """Dense, tanh, output: the head of RoBERTa's sentence classification."""

    def __init__(self, width: int, labels: int, dropout: float, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.out = nn.Linear(width, labels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width] → [b, labels]."""
        sentence = self.dropout(pool(hidden, mask, self.pooling))
        logits: Tensor = self.out(self.dropout(torch.tanh(self.dense(sentence))))
        return logits


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
        return SentenceHead(width, labels, dropout, pooling)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b] class indices."""
        return torch.tensor([feature.target for feature in features])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, summed over examples."""
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
