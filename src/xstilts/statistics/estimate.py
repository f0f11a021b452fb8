"""A number with its interval, or the words for why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NAN = float("nan")
LEVEL = 0.05
"""Intervals hold with 1 - LEVEL; a p value below LEVEL is called a finding."""
NO_VARIATION = "no variation between the few values"
"""Equal values show no spread of those that they stand for: no interval and no p value."""


@dataclass(frozen=True)
class Estimate:
    """One number that a study reports.

    Args:
        value: the estimate; NaN where there are too few points for one.
        low, high: its 95 % interval; NaN where there are too few points for one.
        p: two-sided, against `no association` or `no difference`; NaN where it is not tested.
        n: independent points that it stands on.
        note: in words, what is missing or must be known; else empty.
    """

    value: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    n: int = 0
    note: str = ""

    @property
    def found(self) -> bool:
        """Whether there is an effect at 0.05; never where nothing was tested."""
        return not isnan(self.p) and self.p < LEVEL

    def within(self, lowest: float, highest: float) -> Estimate:
        """The same with an interval that ends where the number's possible values do."""
        low, high = (float(np.clip(end, lowest, highest)) for end in (self.low, self.high))
        return replace(self, low=low, high=high)


def missing_estimate(n: int, note: str) -> Estimate:
    """No number, and the words for it."""
    return Estimate(NAN, n=n, note=note)


def too_few(n: int, needed: int, what: str) -> str:
    """The words for too few points, such as `too few tasks for a conclusion: 3 of at least 5`."""
    return f"too few {what} for a conclusion: {n} of at least {needed}"


def columns(**named: ArrayLike) -> list[Floats]:
    """Named columns as floats without the rows where one of them is NaN.

    Raises:
        ValueError: they differ in length.
    """
    found = [np.asarray(values, dtype=np.float64) for values in named.values()]
    if len({values.shape for values in found}) != 1:
        sizes = ", ".join(f"{name} {len(one)}" for name, one in zip(named, found, strict=True))
        raise ValueError(f"columns of different lengths: {sizes}")
    known = ~np.isnan(np.stack(found)).any(axis=0)
    return [values[known] for values in found]


def nearly_equal(values: Floats) -> bool:
    """Whether values are equal but for rounding."""
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def join_notes(notes: Sequence[str]) -> str:
    """Notes in one line; empty ones left out."""
    return "; ".join(note for note in notes if note)
