"""Results in points stay within possible gains."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from xstilts.statistics.estimate import Estimate
from xstilts.studies.contrast_engine import contrast_result
from xstilts.studies.result import in_points


def test_intervals_in_points_end_at_100() -> None:
    found = in_points(Estimate(0.4, -4.7, 5.5, 0.6, 2))
    assert (found.value, found.low, found.high, found.p) == (40.0, -100.0, 100.0, 0.6)
    assert math.isnan(in_points(Estimate(0.4)).low)


@pytest.mark.parametrize(("targets", "value"), [((), 180.0), (("one",), 360.0)])
def test_contrasts_of_gains_end_beyond_100(targets: tuple[str, ...], value: float) -> None:
    """Gains of 90 and -90 points, on another target the other way round for an interaction."""
    gains = {"mnli": 0.9, "sick": 0.88, "anli": 0.92, "qqp": -0.9, "mrpc": -0.88, "cola": -0.92}
    rows = [
        (task, target, "de", seed, sign * gain + 0.001 * seed)
        for task, gain in gains.items()
        for seed in (0, 1)
        for target, sign in (("one", 1), *([("other", -1)] if targets else []))
    ]
    table = pd.DataFrame(rows, columns=["task", "target", "language", "seed", "gain"])
    found = contrast_result("c", "q", table, ("mnli", "sick", "anli"), targets).estimate
    assert found.value == pytest.approx(value)
    assert 100 < found.low < value < found.high
