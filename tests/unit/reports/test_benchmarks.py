"""Which benchmarks a report shows, and XTREME-R's table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pytest

from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.reports.benchmarks import benchmark_section, shown_benchmarks
from xstilts.tasks.benchmarks import XTREME, XTREME_R, Benchmark


def results(benchmark: Benchmark, targets: Iterable[str], value: float = 0.5) -> pd.DataFrame:
    """One score for all languages of some targets."""
    rows = [
        {
            **dict.fromkeys(COLUMNS, ""),
            "states": frozenset(),
            "encoder": "e",
            "intermediate": "none",
            "target": target,
            "language": code,
            "split": "test",
            "seed": 0,
            "metric": benchmark.metrics[target],
            "value": value,
        }
        for target in targets
        for code in benchmark.languages[target]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.mark.parametrize(
    ("evaluated", "targets", "shown"),
    [
        (XTREME, ("xnli", "udpos", "tatoeba"), ["xtreme"]),
        (XTREME_R, ("xnli", "udpos", "tatoeba"), ["xtreme-r"]),
        (XTREME_R, ("xcopa",), ["xtreme-r"]),
        (XTREME_R, ("xnli", "mlqa", "tydiqa"), ["xtreme"]),
    ],
)
def test_the_benchmark_of_the_targets_and_languages_is_shown(
    evaluated: Benchmark, targets: tuple[str, ...], shown: list[str]
) -> None:
    found = shown_benchmarks(results(evaluated, targets), targets)
    assert [one.name for one in found] == shown


def test_both_benchmarks_are_shown_if_each_has_a_target_of_its_own() -> None:
    frame = pd.concat([results(XTREME_R, XTREME_R.tasks), results(XTREME, ["paws-x", "bucc"])])
    found = shown_benchmarks(frame, (*XTREME_R.tasks, "paws-x", "bucc"))
    assert [one.name for one in found] == ["xtreme", "xtreme-r"]
    assert shown_benchmarks(frame, ("home-nli",)) == []


def test_a_complete_grid_of_xtreme_r_has_all_groups_and_the_average() -> None:
    frame = results(XTREME_R, XTREME_R.tasks)
    section = benchmark_section(XTREME_R, frame, [], XTREME_R.tasks)
    assert section
    assert section.table.columns.tolist() == [
        "intermediate",
        *XTREME_R.tasks,
        *XTREME_R.all_groups,
        "XTREME-R",
    ]
    assert set(section.table.iloc[0, 1:]) == {"50.0"}
    assert any("evaluate.py has no score of LAReQA" in note for note in section.notes)
    assert not any("†" in note for note in section.notes)


def test_the_average_of_xtreme_r_names_the_absent_tasks() -> None:
    targets = tuple(task for task in XTREME_R.tasks if task != "lareqa-xquad-r")
    section = benchmark_section(XTREME_R, results(XTREME_R, targets), [], targets)
    assert section
    row = section.table.iloc[0]
    assert row["XTREME-R"] == "–"
    assert row["retrieval-without-lareqa"] == "50.0"
    assert "retrieval" not in row
    assert any("all ten tasks" in note and "lareqa-xquad-r" in note for note in section.notes)


def test_notes_of_the_caller_are_below_the_table() -> None:
    frame = results(XTREME, ["xnli"])
    section = benchmark_section(XTREME, frame, [], ["xnli"], ("first", "", "second"))
    assert section
    assert section.notes[-2:] == ("first", "second")


@pytest.mark.parametrize(
    ("state", "value", "cell"),
    [(RunState.COLLAPSED, 0.3, "40.0¶"), (RunState.DIVERGED, float("nan"), "–")],
)
def test_failed_runs_are_marked_or_without_a_mean(state: RunState, value: float, cell: str) -> None:
    """The second of two seeds failed on XNLI."""
    frame = pd.concat([results(XTREME, XTREME.tasks).assign(seed=seed) for seed in (0, 1)])
    frame = frame.reset_index(drop=True)
    failed = (frame["seed"] == 1) & (frame["target"] == "xnli")
    frame.loc[failed, "value"] = value
    frame.loc[failed, "states"] = pd.Series([frozenset({state})] * len(frame))[failed]
    section = benchmark_section(XTREME, frame, [], XTREME.tasks)
    assert section
    row = section.table.iloc[0]
    assert (row["xnli"], row["paws-x"]) == (cell, "50.0")
    for name in ("classification", "XTREME"):
        assert ("¶" in row[name]) == (state is RunState.COLLAPSED)
        assert (row[name] == "–") == (state is RunState.DIVERGED)
    assert any(state.value in note for note in section.notes)
    assert not any("missing: " in note for note in section.notes)  # no language is
