"""Pooling: from token vectors to a sentence vector."""

from __future__ import annotations

import torch
from torch import Tensor

from xstilts.models.encoder_config import FIRST, LAST


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """[b, t, d], mask [b, t] → [b, d]: the first or last token, or the mean, without padding.

    The mean includes special tokens, as in jiant and the XTREME scripts.

    Args:
        pooling: `cls` (the first token), `last` (the last token that is not padding) or `mean`.
    """
    if pooling == FIRST:
        return hidden[:, 0]
    if pooling == LAST:
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)
