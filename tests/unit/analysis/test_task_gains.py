"""Gains of single tasks: means over runs, and over targets."""

from __future__ import annotations

import pandas as pd
import pytest

from xstilts.analysis.task_gains import mean_gain, mean_over_runs, pooled
from xstilts.statistics.hierarchical import over_languages_and_seeds


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


def test_the_interval_of_a_mean_over_targets_is_that_of_the_mean() -> None:
    """One target has 36 languages and one has 4; two seeds."""
    rows = [
        ("a", target, f"l{code}", seed, gain + 0.01 * seed + 0.001 * code)
        for target, languages, gain in (("many", 36, 0.02), ("few", 4, 0.2))
        for code in range(languages)
        for seed in (0, 1)
    ]
    gains = pd.DataFrame(rows, columns=["intermediate", "target", "language", "seed", "gain"])
    mean = pooled(mean_over_runs(gains, ["a"]))["a"]
    assert mean == pytest.approx((0.0425 + 0.2065) / 2)  # 0.02 + 0.005 + 0.0175, 0.2 + 0.005 + …
    found = mean_gain(gains, "a", ["many", "few"])
    assert found.value == pytest.approx(mean)
    by_target = over_languages_and_seeds([[0.0375, 0.0475], [0.2015, 0.2115]])
    assert (found.low, found.high) == pytest.approx((by_target.low, by_target.high))
    few = mean_gain(gains, "a", ["few"])
    assert (few.value, few.n) == (pytest.approx(0.2065), 2)
    assert few.high - few.low < 0.2 < found.high - found.low
