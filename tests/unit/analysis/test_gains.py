"""Gains paired run by run; exclusions are named."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pytest

from xstilts.analysis.exclusions import Exclusion, ExclusionReason, RunExclusion
from xstilts.analysis.gains import ONE_SEED, compute_gains, language_gains, mean_gains
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import NO_STATES, RunState, States
from xstilts.planning.compile import ResultCell

Row = tuple[str, str, str, int, float, States]


def results(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows of setting, target, language, seed, value and states, with a second metric beside."""
    table = [
        ("e", setting, target, language, "test", seed, metric, value, 10, "k", states)
        for setting, target, language, seed, value, states in rows
        for metric in ("main", "other")
    ]
    frame = pd.DataFrame(table, columns=list(COLUMNS))
    return frame.assign(value=frame["value"].where(frame["metric"] == "main", -9.0))


DIVERGED = frozenset({RunState.DIVERGED})
COLLAPSED = frozenset({RunState.COLLAPSED})
SAME_DATA = frozenset({RunState.SAME_DATA})


def missing(count: int, expected: int) -> RunExclusion:
    return RunExclusion(ExclusionReason.MISSING_SCORES, missing=count, expected=expected)


BASE: list[Row] = [
    ("none", "t", "de", 0, 0.5, NO_STATES),
    ("none", "t", "de", 1, 0.4, NO_STATES),
]


def test_a_gain_is_paired_with_the_baseline_of_the_same_seed_and_language() -> None:
    found = compute_gains(
        results([*BASE, ("a", "t", "de", 0, 0.7, NO_STATES), ("a", "t", "de", 1, 0.3, NO_STATES)])
    )
    assert found.table["gain"].tolist() == pytest.approx([0.2, -0.1])
    assert found.table[["intermediate", "metric", "key"]].drop_duplicates().values.tolist() == [
        ["a", "main", "k"]
    ]
    assert found.exclusions == ()
    assert found.caveats() == ()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (
            [("a", "t", "de", 0, 0.7, NO_STATES), ("a", "t", "de", 1, float("nan"), DIVERGED)],
            "diverged",
        ),
        ([("a", "t", "de", 0, 0.7, COLLAPSED), ("a", "t", "de", 1, 0.3, NO_STATES)], "collapsed"),
        ([("a", "t", "de", 0, 0.7, SAME_DATA)], "own training data"),
        ([("a", "t", "de", 2, 0.7, NO_STATES)], "no baseline"),
        ([("a", "t", "de", 0, float("nan"), NO_STATES)], "no score"),
    ],
)
def test_a_setting_with_one_failed_run_is_excluded_completely(rows: list[Row], why: str) -> None:
    good: Row = ("b", "t", "de", 0, 0.6, NO_STATES)
    found = compute_gains(results([*BASE, *rows, good]))
    assert found.table["intermediate"].tolist() == ["b"]
    one_seed, caveat = found.caveats()
    assert one_seed == ONE_SEED
    assert caveat.startswith("a is left out on t: ")
    assert why in caveat


def test_a_failed_baseline_excludes_its_target() -> None:
    rows: list[Row] = [("none", "t", "de", 0, 0.1, COLLAPSED), ("a", "t", "de", 0, 0.7, NO_STATES)]
    found = compute_gains(results(rows))
    collapsed_baseline = RunExclusion(ExclusionReason.BASELINE_COLLAPSED, 0)
    assert found.table.empty
    assert found.exclusions == (Exclusion("e", "a", "t", (collapsed_baseline,), failed=False),)


def test_a_setting_with_missing_scores_is_excluded() -> None:
    cells = [
        ResultCell("e", setting, "t", language, "test", 0, ("main",), "k", (), False)
        for setting in ("none", "a", "b")
        for language in ("de", "fr")
    ]
    rows: list[Row] = [
        ("none", "t", "de", 0, 0.5, NO_STATES),
        ("none", "t", "fr", 0, 0.5, NO_STATES),
        ("a", "t", "de", 0, 0.7, NO_STATES),
        ("b", "t", "de", 0, 0.7, NO_STATES),
        ("b", "t", "fr", 0, 0.7, NO_STATES),
    ]
    found = compute_gains(results(rows), cells)
    assert set(found.table["intermediate"]) == {"b"}
    assert found.exclusions == (Exclusion("e", "a", "t", (missing(1, 2),)),)


def test_failed_settings_are_distinguished_from_settings_without_gains() -> None:
    """Own runs fail; a baseline that failed or is missing, and the target's data, are no fault."""
    cells = [
        ResultCell("e", setting, target, "de", "test", 0, ("main",), "k", (), setting == "d")
        for setting in ("none", "a", "b", "c", "d")
        for target in ("t", "missing", "unsound")
    ]
    rows: list[Row] = [
        ("none", "t", "de", 0, 0.5, NO_STATES),
        ("a", "t", "de", 0, 0.5, NO_STATES),
        ("b", "t", "de", 0, 0.5, COLLAPSED),
        ("none", "unsound", "de", 0, 0.5, COLLAPSED),
        ("a", "unsound", "de", 0, 0.5, DIVERGED),
        ("b", "missing", "de", 0, 0.5, NO_STATES),
    ]
    found = compute_gains(results(rows), cells)
    failed = {(one.intermediate, one.target) for one in found.exclusions if one.failed}
    assert failed == {("b", "t"), ("c", "t")}
    assert len(found.exclusions) == 4 * 3 - 1
    assert found.among({"a", "c"}, {"t"}).exclusions == (
        Exclusion("e", "c", "t", (missing(1, 1),)),
    )
    assert found.among({"a", "c"}, {"t"}).table["intermediate"].tolist() == ["a"]
    assert found.among(()).table.columns.tolist() == found.table.columns.tolist()
    assert "c is left out on t, missing: 1 of 1 scores are missing." in found.caveats()


def test_no_results_give_no_gains() -> None:
    assert compute_gains(results([])).table.empty
    assert compute_gains(results(BASE)).table.empty


def test_a_failed_baseline_is_a_reason_for_settings_without_scores_too() -> None:
    cells = [
        ResultCell("e", setting, "t", "de", "test", 0, ("main",), "k", (), same_data=False)
        for setting in ("none", "a")
    ]
    found = compute_gains(results([("none", "t", "de", 0, 0.5, COLLAPSED)]), cells)
    (exclusion,) = found.exclusions
    assert exclusion.reasons == (
        missing(1, 1),
        RunExclusion(ExclusionReason.BASELINE_COLLAPSED, 0),
    )
    assert not exclusion.failed
    assert not exclusion.has_gain


@pytest.mark.parametrize(
    ("rows", "has_gain", "is_partial"),
    [
        ([("a", "t", "de", 0, 0.7, DIVERGED), ("a", "t", "de", 1, 0.7, NO_STATES)], False, False),
        ([("a", "t", "de", 0, 0.7, COLLAPSED)], False, False),
        ([("a", "t", "de", 0, float("nan"), NO_STATES)], False, False),
        ([("a", "t", "de", 0, 0.7, NO_STATES)], True, True),
        ([("a", "t", "de", 0, 0.7, SAME_DATA), ("a", "t", "de", 1, 0.7, SAME_DATA)], True, False),
    ],
)
def test_runs_of_an_excluded_setting_keep_a_gain_only_if_nothing_failed(
    rows: list[Row], has_gain: bool, is_partial: bool
) -> None:
    cells = [
        ResultCell("e", setting, "t", "de", "test", seed, ("main",), "k", (), same_data=False)
        for setting in ("none", "a")
        for seed in (0, 1)
    ]
    found = compute_gains(results([*BASE, *rows]), cells)
    (exclusion,) = found.exclusions
    assert (exclusion.has_gain, exclusion.is_partial) == (has_gain, is_partial)
    assert found.table.empty
    assert len(found.table_so_far) == (len(rows) if is_partial else 0)
    assert len(found.runs) == (len(rows) if has_gain else 0)


def test_a_mean_gain_is_of_other_languages_and_of_english_where_there_is_no_other() -> None:
    rows: list[Row] = [
        ("none", "t", "en", 0, 0.9, NO_STATES),
        ("a", "t", "en", 0, 0.1, NO_STATES),
        ("none", "t", "de", 0, 0.5, NO_STATES),
        ("a", "t", "de", 0, 0.7, NO_STATES),
        ("none", "only", "en", 0, 0.5, NO_STATES),
        ("a", "only", "en", 0, 0.6, NO_STATES),
    ]
    found = mean_gains(compute_gains(results(rows)).table).set_index("target")["gain"]
    assert found.to_dict() == pytest.approx({"t": 0.2, "only": 0.1})


def test_language_gains_compare_only_seeds_that_both_have() -> None:
    rows: list[Row] = [*BASE, ("a", "t", "de", 1, 0.5, NO_STATES)]
    (gain,) = language_gains(compute_gains(results(rows)))["gain"]
    assert gain == pytest.approx(0.1)  # 0.5 - 0.4; not 0.5 minus the mean of 0.5 and 0.4


def test_gains_over_another_baseline_are_those_of_all_other_settings() -> None:
    rows: list[Row] = [("text", "t", "de", 0, 0.6, NO_STATES), ("a", "t", "de", 0, 0.7, NO_STATES)]
    found = compute_gains(results([*BASE[:1], *rows]), baseline="text")
    gains = dict(zip(found.table["intermediate"], found.table["gain"], strict=True))
    assert gains == {"none": pytest.approx(-0.1), "a": pytest.approx(0.1)}
    assert found.baseline == found.among(["a"]).baseline == found.of_encoder("e").baseline == "text"


def test_exclusions_judge_the_baseline_that_is_named() -> None:
    rows: list[Row] = [
        ("text", "t", "de", 0, 0.1, COLLAPSED),
        ("a", "t", "de", 0, 0.7, NO_STATES),
    ]
    over_text = compute_gains(results([*BASE[:1], *rows]), baseline="text").by_key
    assert over_text["e", "a", "t"].reasons[0].reason is ExclusionReason.BASELINE_COLLAPSED
    over_none = compute_gains(results([*BASE[:1], *rows])).by_key
    assert over_none.keys() == {("e", "text", "t")}
