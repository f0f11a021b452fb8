"""Accuracy: the proportion of examples whose predicted label is the gold label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xstilts.metrics.base import Floats, Metric, ratio, stacked


def statistics(gold: Sequence[Any], predicted: Sequence[Any], language: str) -> Floats:
    """[n, 2]: correct (0 or 1), 1."""
    return stacked(((a == b, 1.0) for a, b in zip(gold, predicted, strict=True)), 2)


def value(sums: Floats) -> Floats:
    """Correct examples / examples."""
    return ratio(sums[..., 0], sums[..., 1])


ACCURACY = Metric(
    name="accuracy",
    version=1,
    statistics=statistics,
    value=value,
    formats=(
        *("classification", "multiple_choice"),
        *("image_inference", "image_question", "image_statement"),
    ),
    title="proportion of correct labels",
)
