"""What a metric is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A score between 0 and 1, the higher the better.

    Args:
        name: as it appears in results.
        version: raise it when values change; scores are then made anew.
        statistics: (gold, predicted, language), both of n examples → [n, k].
        formats: kinds of tasks that it scores.
        value: column sums [..., k] → [...]; NaN where nothing was there to score.
        title: what it measures, in words.
        by_language: whether the statistics depend on the language.
    """

    name: str
    version: int
    statistics: Callable[[Sequence[Any], Any, str], Floats]
    value: Callable[[Floats], Floats]
    formats: tuple[str, ...]
    title: str = ""
    by_language: bool = False


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Numerator / denominator, NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
