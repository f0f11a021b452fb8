"""Logits that are not numbers: the largest of them would pass for a prediction."""

from __future__ import annotations

import torch
from torch import Tensor


class UndefinedLogits(Exception):
    """Some logits are NaN or infinity."""


def check_defined(logits: Tensor) -> None:
    """Check that the largest of some logits is known; minus infinity excludes a choice.

    Raises:
        UndefinedLogits: some are NaN or infinity.
    """
    if not bool((logits < torch.inf).all()):
        raise UndefinedLogits
