"""Share of examples whose predicted label is the gold label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio


def statistics(gold: Sequence[Any], predicted: Sequence[Any], language: str) -> Floats:
    """[n, 2]: whether it is right, and 1."""
    right = [a == b for a, b in zip(gold, predicted, strict=True)]
    return np.array([[float(hit), 1.0] for hit in right]).reshape(-1, 2)


def value(sums: Floats) -> Floats:
    """Right ones over all."""
    return ratio(sums[..., 0], sums[..., 1])


FORMATS = ("classification", "multiple_choice")
ACCURACY = Metric("accuracy", 1, statistics, value, FORMATS, "share of right labels")
