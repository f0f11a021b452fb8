"""The mean of accuracy and F1, as for QQP and MRPC in GLUE (Wang et al. 2019, arXiv 1804.07461)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio

POSITIVE = "1"
"""The class that F1 is computed for: the pair is a paraphrase."""


def statistics(gold: Sequence[Any], predicted: Sequence[Any], language: str) -> Floats:
    """[n, 4]: correct, 1, true positive, number of positives in gold + predicted."""
    pairs = [(str(a), str(b)) for a, b in zip(gold, predicted, strict=True)]
    rows = [(a == b, 1, a == b == POSITIVE, (a == POSITIVE) + (b == POSITIVE)) for a, b in pairs]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def value(sums: Floats) -> Floats:
    """Mean of accuracy and F1; F1 is 0 without positives, as in scikit-learn."""
    accuracy, f1 = ratio(sums[..., 0], sums[..., 1]), ratio(2 * sums[..., 2], sums[..., 3])
    mean: Floats = (accuracy + np.nan_to_num(f1)) / 2
    return mean


def _label_problem(labels: Sequence[str]) -> str:
    if POSITIVE in labels and len(labels) == 2:
        return ""
    return f"its F1 is that of the label {POSITIVE} among two"


ACCURACY_AND_F1 = Metric(
    name="accuracy_and_f1",
    version=1,
    statistics=statistics,
    value=value,
    formats=("classification",),
    title="mean of accuracy and F1 of class 1",
    label_problem=_label_problem,
)
