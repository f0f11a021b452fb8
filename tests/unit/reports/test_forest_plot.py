"""Every gain and interval of the forest plot is where the axis says."""

from __future__ import annotations

import pandas as pd
import pytest

from xstilts.analysis.run_states import NO_STATES
from xstilts.reports.forest_plot import MARGIN, ForestAxis, forest_axis, forest_plot

NAN = float("nan")


def table(*rows: tuple[str, str, float, float, float, bool]) -> pd.DataFrame:
    """Rows of (target, setting, gain, low, high, significant)."""
    names = ("target", "intermediate", "gain", "low", "high", "significant")
    frame = pd.DataFrame(rows, columns=names)
    fixed = {"metric": "accuracy", "baseline": 0.5, "seeds": 3}
    return frame.assign(**fixed, states=[NO_STATES] * len(frame))


def test_positions_are_linear_between_the_ends_of_the_axis() -> None:
    axis = ForestAxis(-10, 30, (-10, 0, 10, 20, 30))
    assert axis.position(-10) == MARGIN
    assert axis.position(30) == 100 - MARGIN
    assert axis.position(10) == 50
    assert axis.position(500) == axis.position(30)
    assert [label for _, label in axis.marks] == ["-10", "0", "+10", "+20", "+30"]


def test_the_axis_contains_zero_and_what_is_drawn() -> None:
    axis = forest_axis(table(("t", "a", 0.12, 0.07, 0.171, True)))
    assert axis.low == 0
    assert axis.high >= 17.1
    assert 0 in axis.ticks
    assert len(axis.ticks) <= 8


def test_an_interval_that_says_nothing_does_not_stretch_the_axis() -> None:
    rows = table(("t", "a", 0.02, 0.01, 0.03, True), ("t", "b", 0.01, -0.9, 0.92, False))
    assert forest_axis(rows).high < 10
    plot = forest_plot(rows)
    assert plot
    assert [row.interval for row in plot.groups[0].rows] == ["+1.0 to +3.0", "too wide"]


def test_gains_are_ordered_by_size_within_their_target() -> None:
    plot = forest_plot(
        table(
            ("t", "a", -0.02, -0.03, -0.01, True),
            ("t", "b", 0.05, -0.01, 0.11, False),
            ("u", "a", 0.01, 0.0, 0.02, False),
            ("u", "b", NAN, NAN, NAN, False),
        )
    )
    assert plot
    t, u = plot.groups
    assert [(row.setting, row.side, row.is_significant) for row in t.rows] == [
        ("b", "up", False),
        ("a", "down", True),
    ]
    assert [row.setting for row in u.rows] == ["a"]
    row = t.rows[0]
    assert row.start is not None
    assert row.end is not None
    assert row.start < plot.axis.position(0) < row.position < row.end
    assert row.position == pytest.approx((row.start + row.end) / 2, abs=0.02)
    assert "t after b: +5.0 points" in row.title


def test_without_a_gain_there_is_no_plot() -> None:
    assert forest_plot(table(("t", "a", NAN, NAN, NAN, False))) is None
