"""Recall at 1: the proportion of queries whose right passage is the nearest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio


def _statistics(_gold: Sequence[Any], predicted: Sequence[int], _language: str) -> Floats:
    """[n, 2]: rank is 1, 1; from the rank of the right passage of each query."""
    return np.array([[float(rank == 1), 1.0] for rank in predicted]).reshape(-1, 2)


def _value(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 1])


RECALL_AT_1 = Metric(
    name="recall_at_1",
    version=1,
    statistics=_statistics,
    value=_value,
    formats=("dual_encoder",),
    title="queries whose right passage is the nearest one",
)
