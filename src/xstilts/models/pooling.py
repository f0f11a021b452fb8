"""From one vector per sub-word to one per sentence."""

from __future__ import annotations

from torch import Tensor

FIRST = "cls"


def pool(hidden: Tensor, mask: Tensor, how: str) -> Tensor:
    """[b, t, d] and mask [b, t] → [b, d]: the first token's vector, or the mean of the real ones.

    The mean takes in the special tokens, as jiant and the XTREME scripts do.
    """
    if how == FIRST:
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)
