"""Corrections for having looked more than once."""

from __future__ import annotations

import numpy as np

from xstilts.statistics.estimate import Floats


def holm(p: Floats) -> Floats:
    """Holm's (1979) step-down corrected p values; NaN stays NaN and is not counted.

    Keeps the chance of one false finding or more at the level.
    """
    corrected = np.full(len(p), np.nan)
    order = [int(place) for place in np.argsort(p) if not np.isnan(p[place])]
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, float(p[place]) * (len(order) - rank)))
        corrected[place] = highest
    return corrected


def benjamini_hochberg(p: Floats) -> Floats:
    """Benjamini & Hochberg's (1995) step-up q values; NaN stays NaN and is not counted.

    Keeps the expected share of false ones among the findings at the level.
    """
    corrected = np.full(len(p), np.nan)
    order = [int(place) for place in np.argsort(p) if not np.isnan(p[place])]
    lowest = 1.0
    for rank, place in reversed(list(enumerate(order, start=1))):
        lowest = min(lowest, float(p[place]) * len(order) / rank)
        corrected[place] = lowest
    return corrected
