"""A number with its interval, or a note on why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NAN = float("nan")
LEVEL = 0.05
"""Significance level; intervals have a coverage of 1 - LEVEL."""
NO_VARIATION = "no variation between the few values"
"""Equal values do not show the variance of their population: no interval and no p value."""


@dataclass(frozen=True)
class Estimate:
    """A number that a study reports.

    Args:
        value: the estimate; NaN if there are too few points.
        low, high: its 95 % interval; NaN if there are too few points.
        p: two-sided p value against `no association` or `no difference`; NaN if not tested.
        n: number of independent points.
        note: what is missing or limits the interpretation; else empty.
    """

    value: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    n: int = 0
    note: str = ""

    @property
    def significant(self) -> bool:
        """Whether p < 0.05; False if it was not tested."""
        return not isnan(self.p) and self.p < LEVEL

    def noted(self, note: str) -> Estimate:
        """Return the estimate with a further note; empty notes are left out."""
        return replace(self, note=join_notes([self.note, note]))

    def clipped(self, lowest: float, highest: float) -> Estimate:
        """Return the estimate with its interval clipped to the range of possible values."""
        low, high = (float(np.clip(end, lowest, highest)) for end in (self.low, self.high))
        return replace(self, low=low, high=high)


def missing_estimate(n: int, note: str) -> Estimate:
    """Return an estimate without a value."""
    return Estimate(NAN, n=n, note=note)


def too_few(n: int, needed: int, what: str) -> str:
    """Return a note such as `too few tasks for a conclusion: 3 of at least 5`."""
    return f"too few {what} for a conclusion: {n} of at least {needed}"


def complete_cases(**columns: ArrayLike) -> list[Floats]:
    """Return named columns as floats, without the rows that have a NaN in any column.

    Raises:
        ValueError: the columns differ in length.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in columns.values()]
    if len({array.shape for array in arrays}) != 1:
        lengths = zip(columns, map(len, arrays), strict=True)
        sizes = ", ".join(f"{name} {length}" for name, length in lengths)
        raise ValueError(f"columns of different lengths: {sizes}")
    complete = ~np.isnan(np.stack(arrays)).any(axis=0)
    return [array[complete] for array in arrays]


def nearly_equal(values: Floats) -> bool:
    """Whether values are equal up to rounding."""
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def join_notes(notes: Sequence[str]) -> str:
    """Join the notes that are not empty."""
    return "; ".join(note for note in notes if note)
