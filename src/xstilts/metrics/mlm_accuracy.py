"""How often masked language modelling finds the masked sub-word."""

from __future__ import annotations

from xstilts.metrics.base import Metric
from xstilts.metrics.pos_f1 import right_tags, share

MASKED_ACCURACY = Metric(
    "masked_accuracy", 1, right_tags, share, ("masked_lm",), "share of masked sub-words found"
)
