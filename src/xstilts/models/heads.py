"""Heads: small networks from an encoder's hidden states to the logits of a format."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.models.chunked_lm_loss import TiedLogits, autocast
from xstilts.models.pooling import pool


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


class SpanHead(TokenHead):
    """Scores of start and end for each sub-word; padding cannot be chosen.

    The references leave padding among the options, so that an example's loss depends on the
    other examples of its batch.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(width, 2, dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width] → [b, t, 2], minus infinity for padding."""
        return super().forward(hidden, mask).masked_fill(mask[:, :, None] == 0, -torch.inf)


class MaskedHead(nn.Module):
    """Dense, gelu, LayerNorm, then the embedding matrix and a bias: RoBERTa's and BERT's head."""

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden: Tensor, mask: Tensor, table: Tensor, positions: Tensor) -> TiedLogits:
        """[b, t, width], the embedding matrix [v, width], positions [b, t] → [positions, v]."""
        chosen = self.norm(functional.gelu(self.dense(hidden[positions])))
        return TiedLogits(autocast(chosen), table, self.bias)
