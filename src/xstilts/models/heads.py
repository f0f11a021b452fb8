"""Heads: map the hidden states of an encoder to the logits of a format."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.models.chunked_lm_loss import TiedLogits, autocast
from xstilts.models.output_layer import OutputLayer
from xstilts.models.pooling import pool

NEW_EPSILON = 1e-5
"""Epsilon of the norm of a new masked LM head, whatever the encoder's norms have."""


class SentenceHead(nn.Module):
    """Sentence classification head of RoBERTa: dense, tanh, output."""

    def __init__(self, width: int, labels: int, dropout: float, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.out = OutputLayer(width, labels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width] → [b, labels]."""
        sentence = self.dropout(pool(hidden, mask, self.pooling))
        logits: Tensor = self.out(self.dropout(torch.tanh(self.dense(sentence))))
        return logits


class PooledVectors(nn.Module):
    """Vectors of texts: pooled hidden states, without weights of its own."""

    def __init__(self, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[n, t, width] → [n, width]."""
        return pool(hidden, mask, self.pooling)


class TokenHead(nn.Module):
    """Linear layer over every token."""

    def __init__(self, width: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = OutputLayer(width, labels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width] → [b, t, labels]."""
        logits: Tensor = self.out(self.dropout(hidden))
        return logits


class SpanHead(TokenHead):
    """Start and end logits of every token; padding is masked.

    The reference implementations do not mask padding, so that the loss of an example depends on
    the other examples of its batch.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(width, 2, dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width], mask [b, t] → [b, t, 2]; minus infinity for padding."""
        return super().forward(hidden, mask).masked_fill(mask[:, :, None] == 0, -torch.inf)


class MaskedHead(nn.Module):
    """Masked LM head of BERT and RoBERTa: dense, GELU, LayerNorm, tied embeddings and a bias.

    `activation` replaces GELU in families with another one.

    Args:
        width: of the hidden states.
        embedding_width: of the embeddings; smaller in ELECTRA, ALBERT and RemBERT.
    """

    def __init__(self, width: int, vocabulary: int, embedding_width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, embedding_width)
        self.norm = nn.LayerNorm(embedding_width, eps=NEW_EPSILON)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.activation: Callable[[Tensor], Tensor] = functional.gelu

    def forward(
        self, hidden: Tensor, mask: Tensor, embeddings: Tensor, positions: Tensor
    ) -> TiedLogits:
        """Logits of some tokens.

        Args:
            hidden: [b, t, width], mask: [b, t].
            embeddings: [v, embedding_width] the embedding matrix.
            positions: [b, t] boolean, n of them true.

        Returns:
            [n, v], not computed yet.
        """
        states = self.norm(self.activation(self.dense(hidden[positions])))
        return TiedLogits(autocast(states), embeddings, self.bias)
