"""Recommendations: known gains override predictions, and unknown gains get no number."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.gains import mean_gains
from xstilts.recommend.backtest import Policy, leave_one_target_out, mean_cost
from xstilts.recommend.predict_gains import GAINS, KnownGains, recommend
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.ranking import ndcg, regret

MEASURES = pd.DataFrame(columns=["measure", "task", "other", "language", "seed", "value"])
NOTHING = pd.DataFrame(columns=list(GAINS))


def gains(table: dict[str, list[float]], encoder: str = "e", base: float = 0.5) -> pd.DataFrame:
    """Setting → its gains on the targets t0, t1 …; NaN is left out."""
    rows = [
        (encoder, setting, f"t{place}", base + gain, gain)
        for setting, values in table.items()
        for place, gain in enumerate(values)
        if not np.isnan(gain)
    ]
    return pd.DataFrame(rows, columns=list(GAINS))


def measures(values: dict[str, dict[str, float]], target: str) -> pd.DataFrame:
    """Measure → setting → its value with a target."""
    rows = [
        (name, task, target, "", -1, value)
        for name, tasks in values.items()
        for task, value in tasks.items()
    ]
    return pd.DataFrame(rows, columns=list(MEASURES.columns))


def beside(base: float) -> pd.DataFrame:
    """On other targets b adds 60 points to a; on t0, which scores `base`, a is known alone."""
    others = gains({"a": [np.nan, -0.3, -0.31, -0.3], "b": [np.nan, 0.3, 0.3, 0.31]})
    return pd.concat([gains({"a": [0.0]}, base=base), others], ignore_index=True)


PLANTED = {
    "good": [0.05, 0.06, 0.055, 0.045],
    "bad": [-0.03, -0.02, -0.025, -0.035],
    "fair": [0.01, 0.02, 0.015, 0.005],
}


def test_planted_gains_are_recovered_and_ranked() -> None:
    found = recommend(
        ["bad", "fair", "good", "new"], "x", "e", KnownGains(gains(PLANTED), MEASURES)
    )
    by_name = found.set_index("candidate")
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert by_name.loc[["good", "fair", "bad"], "rank"].is_monotonic_increasing
    assert by_name.loc["good", "gain"] == pytest.approx(0.0525, abs=0.002)
    assert by_name.loc["good", "basis"] == "results on 4 other targets"
    assert by_name.loc["new", "basis"] == "other tasks on 4 targets"
    width = by_name["high"] - by_name["low"]
    assert width["new"] > 2 * width["good"]


def test_known_gains_on_the_target_override_predictions() -> None:
    direct = {"bad": Estimate(0.2, 0.1, 0.3, n=3, note="that, 3 seeds")}
    known = KnownGains(gains(PLANTED), MEASURES, direct, {"good": "diverged in that"})
    found = recommend(["good", "bad"], "x", "e", known)
    first, second = found.to_dict("records")
    assert (first["candidate"], first["gain"], first["low"], first["high"]) == (
        "bad",
        0.2,
        0.1,
        0.3,
    )
    assert (first["basis"], first["note"]) == ("results on this target", "that, 3 seeds")
    assert second["note"] == "diverged in that"
    assert second["basis"] == "results on 4 other targets"


def test_predicted_intervals_end_where_no_score_can_be() -> None:
    """The baseline of t0 is 0.5; of a target without results it is not known."""
    wild = gains({"a": [0.3, -0.45, 0.2], "b": [-0.4, 0.1, 0.45], "c": [0.1, 0.3]})
    known = recommend(["new"], "t0", "e", KnownGains(wild, MEASURES)).iloc[0]
    assert (known["low"], known["high"]) == (-0.5, 0.5)
    near_the_top = recommend(["b"], "t0", "e", KnownGains(beside(0.97), MEASURES)).iloc[0]
    assert near_the_top["low"] <= near_the_top["gain"] == near_the_top["high"]
    assert near_the_top["high"] == pytest.approx(0.03)
    correlation = KnownGains(wild, MEASURES, lowest=-1.0)
    lower = recommend(["new"], "t0", "e", correlation).iloc[0]
    assert lower["low"] < -0.5
    assert lower["high"] == 0.5
    unknown = recommend(["new"], "x", "e", KnownGains(wild, MEASURES)).iloc[0]
    assert unknown["low"] == -1.0


def test_an_empty_store_ranks_by_measures_without_numbers() -> None:
    some = measures(
        {
            "textemb": {"a": 0.7, "b": 0.9, "c": 0.8},
            "format": {"a": 0.0, "b": 1.0, "c": 0.0},
            "size-rule": {"a": 10.0, "b": 1000.0, "c": 100.0},
            "semb": {"a": 1.0, "b": 0.0, "c": 0.5},
        },
        "x",
    )
    found = recommend(["a", "b", "c", "d"], "x", "e", KnownGains(NOTHING, some))
    assert found["candidate"].tolist() == ["b", "c", "a", "d"]
    assert found[["gain", "low", "high"]].isna().all(axis=None)
    assert found["basis"].tolist() == ["measures only"] * 3 + ["nothing"]
    assert set(found["note"]) == {"too few targets for a conclusion: 0 of at least 3"}


def test_measures_shift_the_prediction_of_an_unseen_task() -> None:
    draw = np.random.default_rng(0)
    likeness = draw.normal(size=(6, 5))
    table = {f"s{i}": (0.04 * likeness[i] + draw.normal(0, 0.002, 5)).tolist() for i in range(6)}
    known = [
        measures({"textemb": {f"s{i}": likeness[i, j] for i in range(6)}}, f"t{j}")
        for j in range(5)
    ]
    asked = measures({"textemb": {"near": 1.5, "far": -1.5}}, "x")
    found = recommend(
        ["far", "near"], "x", "e", KnownGains(gains(table), pd.concat([*known, asked]))
    )
    assert found["candidate"].tolist() == ["near", "far"]
    assert found.loc[0, "gain"] > 0.02 > -0.02 > found.loc[1, "gain"]
    assert found.loc[0, "basis"] == "other tasks on 5 targets and measures"


def test_gains_of_other_encoders_are_used_only_with_too_little_data_of_this_one() -> None:
    other = gains({name: values[::-1] for name, values in PLANTED.items()}, "other")
    few = pd.concat([other, gains({"good": [0.3]})])
    found = recommend(["good", "bad"], "x", "e", KnownGains(few, MEASURES))
    assert "other encoders among them" in found.loc[0, "basis"]
    enough = pd.concat([other.assign(gain=-other["gain"]), gains(PLANTED)])
    found = recommend(["good", "bad"], "x", "e", KnownGains(enough, MEASURES))
    assert found["candidate"].tolist() == ["good", "bad"]
    assert found.loc[0, "basis"] == "results on 4 other targets"


def test_the_gain_of_a_target_excludes_english_where_possible() -> None:
    rows = [
        ("a", "t", "en", 0, 0.9, 0.5), ("a", "t", "de", 0, 0.4, 0.1), ("a", "t", "de", 1, 0.6, 0.3),
        ("a", "only", "en", 0, 0.8, 0.2),
    ]  # fmt: skip
    table = pd.DataFrame(
        rows, columns=["intermediate", "target", "language", "seed", "score", "gain"]
    )
    found = mean_gains(table.assign(encoder="e")).set_index("target")
    assert found.loc["t", ["score", "gain"]].tolist() == pytest.approx([0.5, 0.2])
    assert found.loc["only", "gain"] == pytest.approx(0.2)


def test_the_backtest_has_no_regret_on_planted_gains() -> None:
    """Chance against all orders, one by one."""
    found = leave_one_target_out(gains(PLANTED), MEASURES)
    assert found.groupby("policy").size().tolist() == [4, 4, 4]
    advice = found[found["policy"] == Policy.ADVICE]
    assert advice["cost_1"].tolist() == pytest.approx([0] * 4)
    assert advice["ndcg"].tolist() == pytest.approx([1] * 4)
    assert advice["inside"].tolist() == [1] * 4
    worth = [0.55, 0.47, 0.51]
    orders = list(permutations(range(3)))
    blind = found[(found["policy"] == Policy.BLIND) & (found["target"] == "t0")].iloc[0]
    for k, column in ((1, "regret_1"), (3, "regret_3")):
        every = [regret([-order.index(i) for i in range(3)], worth, k) for order in orders]
        assert blind[column] == pytest.approx(np.mean(every))
        assert blind[column.replace("regret", "cost")] == pytest.approx(np.mean(every) * 0.0055)
    every = [ndcg([-order.index(i) for i in range(3)], worth) for order in orders]
    assert blind["ndcg"] == pytest.approx(np.mean(every))


def test_the_backtest_has_regret_on_a_dissimilar_target() -> None:
    """One target where the best on the others is the worst."""
    table = {name: [*values, last] for (name, values), last in zip(
        PLANTED.items(), (-0.1, 0.1, 0.0), strict=True)}  # fmt: skip
    found = leave_one_target_out(gains(table), MEASURES).set_index(["target", "policy"])
    assert found.loc[("t4", Policy.ADVICE), "cost_1"] == pytest.approx(0.2)
    assert found.loc[("t4", Policy.ADVICE), "cost_3"] == pytest.approx(0)
    assert found.loc[("t4", Policy.OTHERS), "cost_1"] == pytest.approx(0.2)
    mean = mean_cost(found.reset_index(), Policy.ADVICE)
    assert (mean.value, mean.low, mean.n) == (pytest.approx(0.04), 0, 5)
    assert mean.high > 0.04


def test_the_interval_of_a_mean_cost_is_possible() -> None:
    costs, regrets = [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 100.0]
    past = pd.DataFrame({"policy": Policy.ADVICE, "cost_1": costs, "regret_1": regrets})
    for column, most in (("cost_1", 1), ("regret_1", 100)):
        rare, often = (
            mean_cost(rows, Policy.ADVICE, column)
            for rows in (past, past.assign(**{column: most - past[column]}))
        )
        assert (rare.value, rare.low) == (most / 4, 0)
        assert (often.value, often.high) == (3 * most / 4, most)


def test_too_few_targets_have_no_backtest() -> None:
    three = {name: values[:3] for name, values in PLANTED.items()}
    mean = mean_cost(leave_one_target_out(gains(three), MEASURES), Policy.ADVICE)
    assert np.isnan(mean.value)
    assert mean.note == "too few targets with several tasks for a conclusion: 3 of at least 4"
    assert leave_one_target_out(NOTHING, MEASURES).empty
    assert leave_one_target_out(gains({"one": [0.1, 0.2, 0.3, 0.4]}), MEASURES).empty


def test_a_target_with_negative_scores_is_not_backtested() -> None:
    table = gains(PLANTED)
    table.loc[(table["target"] == "t1") & (table["intermediate"] == "bad"), "score"] = -0.1
    assert set(leave_one_target_out(table, MEASURES)["target"]) == {"t0", "t2", "t3"}
