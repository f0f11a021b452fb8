"""Results in points stay within possible gains."""

from __future__ import annotations

import math

from xstilts.statistics.estimate import Estimate
from xstilts.studies.result import in_points


def test_intervals_in_points_end_at_100() -> None:
    found = in_points(Estimate(0.4, -4.7, 5.5, 0.6, 2))
    assert (found.value, found.low, found.high, found.p) == (40.0, -100.0, 100.0, 0.6)
    assert math.isnan(in_points(Estimate(0.4)).low)
