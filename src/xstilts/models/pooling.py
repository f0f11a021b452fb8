"""Pooling: from token vectors to a sentence vector."""

from __future__ import annotations

from torch import Tensor

FIRST = "cls"


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """[b, t, d], mask [b, t] → [b, d]: the first token (`cls`), or the mean without padding.

    The mean includes special tokens, as in jiant and the XTREME scripts.
    """
    if pooling == FIRST:
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)
