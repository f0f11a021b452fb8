"""The probability of the predicted class, for formats with one softmax per example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xstilts.formats.base import Feature

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = 4
"""Decimals that are kept: batches of other sizes change only later ones, but for rare ties."""


def class_probability(logits: Tensor, features: Sequence[Feature]) -> list[float]:
    """The softmax of the largest logit of each example, rounded to `DIGITS`; no temperature.

    Args:
        logits: [examples, options], or [examples × options, 1].
    """
    table = logits.double().view(len(features), -1)
    largest = table.softmax(-1).max(-1).values
    return [round(float(value), DIGITS) for value in largest.tolist()]
