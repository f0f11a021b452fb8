"""Gains of studies: paired run by run; what cannot be compared is left out and named."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pytest

from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_gains import ONE_SEED, LeftOut, gains_of
from xstilts.planning.compile import ResultCell

Row = tuple[str, str, str, int, float, str]


def results(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows of setting, target, language, seed, value and note, with a second metric beside."""
    table = [
        ("e", setting, target, language, "test", seed, metric, value, 10, "k", note)
        for setting, target, language, seed, value, note in rows
        for metric in ("main", "other")
    ]
    frame = pd.DataFrame(table, columns=list(COLUMNS))
    return frame.assign(value=frame["value"].where(frame["metric"] == "main", -9.0))


BASE: list[Row] = [
    ("none", "t", "de", 0, 0.5, ""),
    ("none", "t", "de", 1, 0.4, ""),
]


def test_a_gain_is_against_the_same_run_of_the_baseline_by_the_main_metric() -> None:
    found = gains_of(results([*BASE, ("a", "t", "de", 0, 0.7, ""), ("a", "t", "de", 1, 0.3, "")]))
    assert found.table["gain"].tolist() == pytest.approx([0.2, -0.1])
    assert found.table[["setting", "metric", "key"]].drop_duplicates().values.tolist() == [
        ["a", "main", "k"]
    ]
    assert found.left_out == ()
    assert found.caveats() == ()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("a", "t", "de", 0, 0.7, ""), ("a", "t", "de", 1, float("nan"), "diverged")], "diverged"),
        ([("a", "t", "de", 0, 0.7, "collapsed"), ("a", "t", "de", 1, 0.3, "")], "collapsed"),
        ([("a", "t", "de", 0, 0.7, "same-data")], "own training data"),
        ([("a", "t", "de", 2, 0.7, "")], "no baseline"),
        ([("a", "t", "de", 0, float("nan"), "")], "no score"),
    ],
)
def test_a_setting_with_one_run_that_cannot_be_used_is_left_out_as_a_whole(
    rows: list[Row], why: str
) -> None:
    good: Row = ("b", "t", "de", 0, 0.6, "")
    found = gains_of(results([*BASE, *rows, good]))
    assert found.table["setting"].tolist() == ["b"]
    one_seed, caveat = found.caveats()
    assert one_seed == ONE_SEED
    assert caveat.startswith("a is left out on t: ")
    assert why in caveat


def test_a_failed_baseline_leaves_nothing_on_its_target() -> None:
    rows: list[Row] = [("none", "t", "de", 0, 0.1, "collapsed"), ("a", "t", "de", 0, 0.7, "")]
    found = gains_of(results(rows))
    assert found.table.empty
    assert found.left_out == (LeftOut("a", "t", "the baseline collapsed (seed 0)", failed=False),)


def test_a_setting_with_scores_missing_is_left_out() -> None:
    cells = [
        ResultCell("e", setting, "t", language, "test", 0, ("main",), "k", (), False)
        for setting in ("none", "a", "b")
        for language in ("de", "fr")
    ]
    rows: list[Row] = [
        ("none", "t", "de", 0, 0.5, ""),
        ("none", "t", "fr", 0, 0.5, ""),
        ("a", "t", "de", 0, 0.7, ""),
        ("b", "t", "de", 0, 0.7, ""),
        ("b", "t", "fr", 0, 0.7, ""),
    ]
    found = gains_of(results(rows), cells)
    assert set(found.table["setting"]) == {"b"}
    assert found.left_out == (LeftOut("a", "t", "1 of 2 scores are missing"),)


def test_who_failed_is_told_from_who_could_have_no_gain() -> None:
    """Own runs fail; a baseline that failed or is missing, and the target's data, are no fault."""
    cells = [
        ResultCell("e", setting, target, "de", "test", 0, ("main",), "k", (), setting == "d")
        for setting in ("none", "a", "b", "c", "d")
        for target in ("t", "missing", "unsound")
    ]
    rows: list[Row] = [
        ("none", "t", "de", 0, 0.5, ""),
        ("a", "t", "de", 0, 0.5, ""),
        ("b", "t", "de", 0, 0.5, "collapsed"),
        ("none", "unsound", "de", 0, 0.5, "collapsed"),
        ("a", "unsound", "de", 0, 0.5, "diverged"),
        ("b", "missing", "de", 0, 0.5, ""),
    ]
    found = gains_of(results(rows), cells)
    failed = {(one.setting, one.target) for one in found.left_out if one.failed}
    assert failed == {("b", "t"), ("c", "t")}
    assert len(found.left_out) == 4 * 3 - 1
    assert found.among({"a", "c"}, {"t"}).left_out == (
        LeftOut("c", "t", "1 of 1 scores are missing"),
    )
    assert found.among({"a", "c"}, {"t"}).table["setting"].tolist() == ["a"]
    assert found.among(()).table.columns.tolist() == found.table.columns.tolist()
    assert "c is left out on t, missing, unsound: 1 of 1 scores are missing." in found.caveats()


def test_no_results_are_no_gains() -> None:
    assert gains_of(results([])).table.empty
    assert gains_of(results(BASE)).table.empty
