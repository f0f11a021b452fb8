"""The gain table: gains, intervals and corrections against brute force and known answers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from xstilts.analysis import gain_table as stats
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import compute_gains, language_gains, transfer_runs
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState, with_notes
from xstilts.planning.compile import ResultCell
from xstilts.reports.tables import english_legend
from xstilts.statistics.bootstrap import add_seed_variance, bootstrap_p, percentiles
from xstilts.testing.planted import with_state


def outcome(setting: str, language: str, seed: int, hits: np.ndarray) -> ExampleScores:
    table = np.stack([hits.astype(float), np.ones(len(hits))], axis=1)
    ids = tuple(f"{language}-{number}" for number in range(len(hits)))
    return ExampleScores("e", setting, "t", language, seed, "accuracy", ids, table)


def frame(outcomes: list[ExampleScores], states: dict[str, RunState] | None = None) -> pd.DataFrame:
    rows = [
        {
            **{name: getattr(one, name) for name in ("encoder", "intermediate", "target")},
            **{name: getattr(one, name) for name in ("language", "seed", "metric")},
            "split": "test",
            "value": one.statistics[:, 0].mean(),
            "n": len(one.ids),
            "key": "k" * 64,
            "states": frozenset(filter(None, [(states or {}).get(one.intermediate)])),
        }
        for one in outcomes
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def gain_table(examples: list[ExampleScores], table: pd.DataFrame, draws: int) -> pd.DataFrame:
    """The gain table of an experiment in which all settings should have the examples' runs."""
    settings = {one.intermediate for one in examples}
    runs = {(one.language, one.seed) for one in examples}
    cells = [cell(setting, *run) for setting in settings for run in runs]
    return stats.gain_table(table, compute_gains(table, cells), examples, draws)


def cell(setting: str, language: str, seed: int) -> ResultCell:
    return ResultCell(
        "e", setting, "t", language, "test", seed, ("accuracy",), "k" * 64, (), same_data=False
    )


def draw(seed: int, gain: float, n: int = 60, seeds: int = 3) -> list[ExampleScores]:
    generator = np.random.default_rng(seed)
    found = []
    for setting, rate in (("none", 0.5), ("x", 0.5 + gain)):
        for language in ("en", "de", "fi"):
            for run in range(seeds):
                found.append(outcome(setting, language, run, generator.random(n) < rate))
    return found


def test_english_is_shown_but_not_counted() -> None:
    ones, zeros = np.ones(20), np.zeros(20)
    found = [outcome("none", code, 0, zeros) for code in ("en", "de")]
    found += [outcome("x", "en", 0, ones), outcome("x", "de", 0, zeros)]
    row = gain_table(found, frame(found), draws=200).iloc[0]
    assert (row["gain"], row["english"], row["languages"], row["n"]) == (0.0, 1.0, 1, 20)
    assert math.isnan(row["p"])
    assert not row["significant"]


def test_a_deterministic_gain_is_significant_with_a_zero_width_interval() -> None:
    found = [outcome("none", "de", seed, np.zeros(20)) for seed in range(2)]
    found += [outcome("x", "de", seed, np.ones(20)) for seed in range(2)]
    row = gain_table(found, frame(found), draws=1000).iloc[0]
    assert (row["gain"], row["low"], row["high"]) == (1.0, 1.0, 1.0)
    assert row["p"] == pytest.approx(2 / 1001)
    assert row["significant"]


def test_a_deterministic_gain_is_significant_in_many_tests() -> None:
    """With 1,000 draws the smallest p in 60 tests would be 60 · 2 / 1001."""
    settings = [f"x{number}" for number in range(60)]
    found = [outcome("none", "de", seed, np.zeros(5)) for seed in range(2)]
    found += [outcome(name, "de", seed, np.ones(5)) for name in settings for seed in range(2)]
    rows = gain_table(found, frame(found), draws=1000)
    assert len(rows) == 60
    assert rows["significant"].all()


def test_one_seed_is_never_significant_and_no_test_of_the_correction() -> None:
    one = [outcome("none", "de", 0, np.zeros(20)), outcome("x", "de", 0, np.ones(20))]
    row = gain_table(one, frame(one), draws=1000).iloc[0]
    assert (row["gain"], row["low"], row["seeds"]) == (1.0, 1.0, 1)
    assert np.isnan([row["p"], row["p_holm"]]).all()
    assert not row["significant"]
    two = [replace(run, target="t2", seed=seed) for run in one for seed in range(2)]
    table = pd.concat([frame(one), frame(two)], ignore_index=True)
    rows = stats.gain_table(table, compute_gains(table), one + two, 1000).set_index("target")
    assert rows["significant"].to_dict() == {"t": False, "t2": True}
    assert rows.loc["t2", "p_holm"] == rows.loc["t2", "p"]


def test_intervals_stay_within_possible_gains() -> None:
    """One degree of freedom: Student's interval of gains of 0 and 0.8 would end beyond 5."""
    hits = np.arange(10) < 8
    found = [outcome("none", "de", seed, np.zeros(10)) for seed in range(2)]
    found += [outcome("x", "de", 0, np.zeros(10)), outcome("x", "de", 1, hits)]
    row = gain_table(found, frame(found), draws=1000).iloc[0]
    assert (row["gain"], row["low"], row["high"]) == (0.4, 0.0, 1.0)


def test_gain_intervals_have_about_their_stated_coverage() -> None:
    truth, held = 0.1, 0
    for seed in range(60):
        found = draw(seed, truth)
        row = gain_table(found, frame(found), draws=400).iloc[0]
        held += row["low"] <= truth <= row["high"]
    assert 50 <= held <= 60


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_seed_variance_is_not_mistaken_for_a_gain(seeds: int) -> None:
    """No gain; seeds move the scores by far more than the examples do."""
    generator, found = np.random.default_rng(seeds), 0
    for _ in range(300):
        runs = generator.normal(size=seeds) + generator.normal(0, 0.1, (1_000, 1))
        found += bootstrap_p(add_seed_variance(runs)) < 0.05
    assert found / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_seed_draws_give_student_intervals() -> None:
    seeds = np.array([[1.0, 2.0, 4.5, 0.0], [0.5, 3.0, 1.0, 0.0]])
    for one in (*seeds, seeds[0] - seeds[1]):
        drawn = add_seed_variance(np.tile(one, (40_000, 1)))
        interval = scipy_stats.ttest_1samp(one, 0).confidence_interval()
        assert percentiles(drawn) == pytest.approx((interval.low, interval.high), abs=0.15)
        assert bootstrap_p(drawn) == pytest.approx(scipy_stats.ttest_1samp(one, 0).pvalue, abs=0.01)


def test_example_noise_is_not_counted_twice() -> None:
    """Twenty seeds that lie as far apart as examples alone would put them."""
    apart = np.linspace(-1, 1, 20)
    runs = apart / apart.std(ddof=1) + np.random.default_rng(0).normal(size=(4_000, 20))
    assert (
        1 <= np.ptp(percentiles(add_seed_variance(runs))) / np.ptp(percentiles(runs.mean(1))) < 1.25
    )
    same = runs[:, :1] + np.zeros(3)  # what seeds have in common stays as it is
    np.testing.assert_array_equal(add_seed_variance(same), same.mean(axis=1))


def test_pairing_uses_the_same_examples_for_both_systems() -> None:
    hits = np.random.default_rng(0).random(200) < 0.5
    found = [outcome("none", "de", 0, hits), outcome("x", "de", 0, hits)]
    row = gain_table(found, frame(found), draws=500).iloc[0]
    assert (row["low"], row["high"]) == (0.0, 0.0)


def test_equal_outcomes_give_an_equal_table() -> None:
    found = draw(1, 0.05)
    one, other = (gain_table(found, frame(found), draws=300) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("event", [RunState.DIVERGED, RunState.COLLAPSED])
@pytest.mark.parametrize("setting", ["none", "x"])
def test_a_failed_run_has_no_gain(event: RunState, setting: str) -> None:
    found = draw(2, 0.1)
    row = gain_table(found, frame(found, {setting: event}), draws=100).iloc[0]
    assert math.isnan(row["gain"])
    assert row["states"] == {event}
    assert not row["significant"]


def test_a_baseline_without_scores_is_reported() -> None:
    found = draw(2, 0.1)
    table = frame(found, {"none": RunState.DIVERGED})
    left = [one for one in found if one.intermediate != "none"]
    row = gain_table(left, table, draws=100).iloc[0]
    assert (row["states"], math.isnan(row["gain"])) == ({RunState.DIVERGED}, True)


def test_partial_results_have_a_gain_but_no_significance() -> None:
    found = draw(5, 0.4)
    done = [one for one in found if (one.intermediate, one.language, one.seed) != ("x", "fi", 2)]
    row = gain_table(done, frame(done), draws=100).iloc[0]
    assert row["states"] == {RunState.PARTIAL}
    assert row["gain"] > 0.1
    assert math.isnan(row["p"])
    assert not row["significant"]


def test_secondary_metrics_are_not_part_of_the_correction() -> None:
    found = draw(3, 0.1)
    second = [ExampleScores(**{**vars(one), "metric": "mrr"}) for one in found]
    second = [replace(one, statistics=np.tile(one.statistics, 3)) for one in second]
    table = gain_table([*found, *second], pd.concat([frame(found), frame(second)]), draws=100)
    assert table.set_index("metric")["main"].to_dict() == {"accuracy": True, "mrr": False}
    assert table.set_index("metric")["p"].isna().to_dict() == {"accuracy": False, "mrr": True}


def test_no_baseline_gives_no_row() -> None:
    found = [one for one in draw(4, 0.1) if one.intermediate != "none"]
    assert gain_table(found, frame(found), draws=10).empty


def test_different_test_examples_are_rejected() -> None:
    found = [outcome("none", "de", 0, np.ones(5)), outcome("x", "de", 0, np.ones(6))]
    with pytest.raises(ValueError, match="different examples"):
        gain_table(found, frame(found), draws=10)


def test_language_gains_are_means_over_seeds() -> None:
    found = [outcome("none", "de", 0, np.zeros(4)), outcome("none", "de", 1, np.ones(4))]
    found += [outcome("x", "de", 0, np.ones(4)), outcome("x", "de", 1, np.ones(4))]
    table = language_gains(compute_gains(frame(found))).set_index("intermediate")
    assert table.loc["x", "gain"] == 0.5
    assert list(table.index) == ["x"]


def test_the_gain_table_and_the_run_gains_agree() -> None:
    found = draw(8, 0.1)
    table = frame(found)
    row = gain_table(found, table, draws=50).iloc[0]
    runs = transfer_runs(compute_gains(table).table)
    assert row["gain"] == pytest.approx(runs["gain"].mean(), abs=1e-12)
    assert row["score"] == pytest.approx(runs["score"].mean(), abs=1e-12)


def test_a_failed_baseline_leaves_no_gain_where_a_setting_is_half_done() -> None:
    found = draw(2, 0.1)
    table = frame(found)
    lost = (table["intermediate"] == "none") & (table["seed"] == 0)
    table = with_state(table, RunState.DIVERGED, lost)
    table = table[~((table["intermediate"] == "x") & (table["seed"] == 0))]
    done = [one for one in found if one.seed]
    row = stats.gain_table(
        table, compute_gains(table, [cell("x", one.language, one.seed) for one in found]), done, 50
    ).iloc[0]
    assert math.isnan(row["gain"])
    assert row["states"] == {RunState.DIVERGED}


def test_a_target_in_english_alone_has_its_gain_in_english() -> None:
    found = [one for one in draw(8, 0.4) if one.language == "en"]
    row = gain_table(found, frame(found), draws=500).iloc[0]
    assert row["in_english"]
    assert row["gain"] == row["english"] == pytest.approx(row["score"] - row["baseline"])
    assert row["low"] <= row["gain"] <= row["high"]
    assert (row["languages"], row["n"], row["seeds"]) == (1, 60, 3)
    assert row["p"] < 0.05
    assert "In English only, so no zero-shot transfer: t." in english_legend(
        gain_table(found, frame(found), draws=10)
    )


def test_english_is_no_gain_while_other_languages_are_still_missing() -> None:
    found = draw(8, 0.4)
    english = [one for one in found if one.language == "en"]
    cells = [cell(one.intermediate, one.language, one.seed) for one in found]
    table = frame(english)
    row = stats.gain_table(table, compute_gains(table, cells), english, 50).iloc[0]
    assert math.isnan(row["gain"])
    assert not row["in_english"]
    assert english_legend(gain_table(found, frame(found), draws=10)) == ""


def test_states_are_a_note_in_exported_tables() -> None:
    found = draw(2, 0.1, seeds=1)
    table = gain_table(found, frame(found, {"x": RunState.COLLAPSED}), draws=10)
    exported = with_notes(table)
    assert exported["note"].tolist() == ["collapsed"]
    assert "states" not in exported


def test_gains_over_another_baseline_equal_those_of_renamed_settings() -> None:
    outcomes = draw(3, 0.2)
    names = {"none": "text", "x": "none"}
    renamed = [replace(one, intermediate=names[one.intermediate]) for one in outcomes]
    table = frame(renamed)
    over_text = stats.gain_table(table, compute_gains(table, baseline="text"), renamed, 200)
    usual = gain_table(outcomes, frame(outcomes), draws=200)
    columns = ["baseline", "score", "gain", "low", "high", "p", "english", "significant"]
    assert over_text["intermediate"].tolist() == ["none"]
    assert over_text[columns].equals(usual[columns])
