"""Gains of single tasks: means over runs, and over targets."""

from __future__ import annotations

import pandas as pd
import pytest

from xstilts.analysis.task_gains import mean_gain, mean_over_runs, pooled


def test_means_leave_out_english_mixtures_and_incomplete_tasks() -> None:
    rows = [
        ("a", "one", "en", 0, 0.9),
        ("a", "one", "de", 0, 0.1),
        ("a", "one", "sw", 0, 0.3),
        ("a", "two", "de", 0, 0.4),
        ("b", "one", "de", 0, 0.2),
        ("a+b", "one", "de", 0, 0.2),
    ]
    gains = pd.DataFrame(rows, columns=["intermediate", "target", "language", "seed", "gain"])
    means = mean_over_runs(gains, ["a", "b"])
    assert means.loc["a"].to_dict() == pytest.approx({"one": 0.2, "two": 0.4})
    assert pooled(means).to_dict() == pytest.approx({"a": 0.3})
    found = mean_gain(gains, "a", ["one"])
    assert found.value == pytest.approx(0.2)
    assert found.low < 0.2 < found.high
