"""Accuracy of masked language modelling: the proportion of masked tokens that are predicted."""

from __future__ import annotations

from xstilts.metrics.base import Metric
from xstilts.metrics.pos_f1 import accuracy, tag_counts

MASKED_ACCURACY = Metric(
    name="masked_accuracy",
    version=1,
    statistics=tag_counts,
    value=accuracy,
    formats=("masked_lm",),
    title="proportion of masked tokens predicted correctly",
)
