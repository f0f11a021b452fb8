"""One tag per word, read from the word's first sub-word: POS, NER, slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.formats.base import Feature, Row, one_each

IGNORED = -100
OUTSIDE = "O"


class TokenHead(nn.Module):
    """One linear layer over every sub-word."""

    def __init__(self, width: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, labels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width] → [b, t, labels]."""
        logits: Tensor = self.out(self.dropout(hidden))
        return logits


class Tagging:
    """Words beyond the maximal length are predicted as O; they count against the score."""

    def features(
        self, rows: Sequence[Row], tokenizer: Any, labels: Sequence[str], max_length: int
    ) -> list[Feature]:
        """Sub-word ids with the tag at each word's first sub-word, -100 elsewhere."""
        if not rows:
            return []
        encoded = tokenizer(
            [list(row["tokens"]) for row in rows],
            is_split_into_words=True,
            truncation=True,
            max_length=max_length,
            return_token_type_ids=True,
        )
        index = {label: number for number, label in enumerate(labels)}
        return [_feature(row, encoded, number, index) for number, row in enumerate(rows)]

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A linear head; pooling plays no part."""
        return TokenHead(width, labels, dropout)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b, tokens] tag indices, -100 where nothing is scored."""
        rows = torch.full((len(features), tokens), IGNORED)
        for row, feature in zip(rows, features, strict=True):
            row[: len(feature.ids)] = torch.tensor(feature.target)
        return rows

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, summed over words."""
        return functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def predictions(
        self, logits: Tensor, features: Sequence[Feature], labels: Sequence[str]
    ) -> list[Any]:
        """One tag per word of each example."""
        best = logits.argmax(-1).tolist()
        return [_tags(line, feature, labels) for line, feature in zip(best, features, strict=True)]

    merged = staticmethod(one_each)


def _feature(row: Row, encoded: Any, number: int, index: dict[str, int]) -> Feature:
    ids, starts = encoded["input_ids"][number], dict[int, int]()
    for position, word in enumerate(encoded.word_ids(number)):
        if word is not None:
            starts.setdefault(word, position)
    target = [IGNORED] * len(ids)
    for (_, position), tag in zip(sorted(starts.items()), row["tags"], strict=False):
        target[position] = index.get(tag, IGNORED)
    words = tuple(starts.get(word, -1) for word in range(len(row["tokens"])))
    return Feature(row["id"], ids, encoded["token_type_ids"][number], target, words)


def _tags(line: list[int], feature: Feature, labels: Sequence[str]) -> list[str]:
    missing = OUTSIDE if OUTSIDE in labels else labels[0]
    return [labels[line[place]] if place >= 0 else missing for place in feature.words]


TAGGING = Tagging()
