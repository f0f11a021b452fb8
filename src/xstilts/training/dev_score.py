"""Dev scores of a training: what is recorded, and what checkpoints are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any, NamedTuple

from xstilts.metrics import METRICS

UNDECIDED = {
    0.0: "all dev scores are 0: the last checkpoint is used",
    -1.0: "no dev score is defined: the last checkpoint is used",
}
"""Means of dev scores that make no checkpoint the best, and what that means for a run.

-1 is the mean of correlations that are not defined; no correlation is lower.
"""


class DevScore(NamedTuple):
    """The score of one task on dev.

    Args:
        value: NaN for a correlation that is not defined.
        comparable: the same; the metric's lowest score in place of NaN.
    """

    value: float
    comparable: float

    @property
    def is_defined(self) -> bool:
        """Whether the score is a number."""
        return not isnan(self.value)


def score_dev(name: str, gold: Sequence[Any], predictions: Any, language: str) -> DevScore:
    """The score by a metric, with six digits.

    A metric without negative values is 0 where there was nothing to score.
    """
    metric = METRICS.get(name)
    score = round(float(metric.value(metric.statistics(gold, predictions, language).sum(0))), 6)
    comparable = metric.lowest if isnan(score) else score
    return DevScore(score if metric.lowest < 0 else comparable, comparable)


def undefined(metric: str, task: str, step: int) -> str:
    """The event of a correlation that is not defined."""
    return f"{metric} of {task} is not defined at step {step}: all dev predictions are equal"
