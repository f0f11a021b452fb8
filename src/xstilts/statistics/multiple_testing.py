"""Corrections for multiple testing."""

from __future__ import annotations

import numpy as np

from xstilts.statistics.estimate import Floats


def holm(p: Floats) -> Floats:
    """Holm's (1979) step-down adjusted p values; NaN stays NaN and is not counted as a test.

    Controls the family-wise error rate.
    """
    adjusted = np.full(len(p), np.nan)
    order = [int(index) for index in np.argsort(p) if not np.isnan(p[index])]
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, float(p[index]) * (len(order) - rank)))
        adjusted[index] = highest
    return adjusted


def benjamini_hochberg(p: Floats) -> Floats:
    """Benjamini & Hochberg's (1995) step-up q values; NaN stays NaN and is not counted as a test.

    Controls the false discovery rate.
    """
    adjusted = np.full(len(p), np.nan)
    order = [int(index) for index in np.argsort(p) if not np.isnan(p[index])]
    lowest = 1.0
    for rank, index in reversed(list(enumerate(order, start=1))):
        lowest = min(lowest, float(p[index]) * len(order) / rank)
        adjusted[index] = lowest
    return adjusted
