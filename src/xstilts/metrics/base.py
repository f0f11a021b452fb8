"""The `Metric` type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def any_labels(_labels: Sequence[str]) -> str:
    """For metrics that fit all labels of their formats."""
    return ""


@dataclass(frozen=True)
class Metric:
    """A score between 0 (or `lowest`) and 1; higher is better.

    Args:
        name: the name in results.
        version: increase it when values change; scores are then recomputed, models are not.
        statistics: (gold, predicted, language) of n examples → per-example statistics [n, k].
        value: column sums [..., k] → scores [...]; NaN where there was nothing to score.
        formats: the task formats that it scores.
        title: description for reports.
        by_language: whether the statistics depend on the language.
        label_problem: labels of a task → why it can count nothing for them; empty if it can.
        selection_version: increase it only if checkpoints that training has chosen by the metric
            are wrong; trainings are then repeated.
        lowest: the lowest score, -1 for correlations; the score of a checkpoint whose own is not
            defined.
        resampled: (weights [draws, n], statistics [n, k]) → scores [draws], for metrics whose
            statistics of an example depend on the other examples; by default `value` of the
            weighted sums.
        counts: columns of the statistics that count queries, for retrieval in both directions:
            meanings with 0 in all of them are left out. Empty: none is.
    """

    name: str
    version: int
    statistics: Callable[[Sequence[Any], Any, str], Floats]
    value: Callable[[Floats], Floats]
    formats: tuple[str, ...]
    title: str = ""
    by_language: bool = False
    label_problem: Callable[[Sequence[str]], str] = any_labels
    selection_version: int = 1
    lowest: float = 0.0
    resampled: Callable[[Floats, Floats], Floats] | None = None
    counts: tuple[int, ...] = ()


def stacked(rows: Iterable[Sequence[float]], width: int) -> Floats:
    """[n, width] the rows, which are not all Python objects at the same time."""
    return np.fromiter(chain.from_iterable(rows), dtype=np.float64).reshape(-1, width)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Numerator / denominator, NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
