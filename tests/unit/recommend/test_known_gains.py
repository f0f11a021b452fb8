"""Known gains of candidates in a store, and the remaining cost of a candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import xstilts
from xstilts.analysis.results import results_frame
from xstilts.analysis.run_records import RunRecord, saved_records
from xstilts.analysis.run_states import RunState
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.planning.remaining_cost import remaining_costs
from xstilts.recommend import known_gains as experience
from xstilts.recommend.known_gains import direct_gains, known_gains
from xstilts.testing.planted import with_state

Results = Callable[..., pd.DataFrame]


def past(store: Path) -> list[RunRecord]:
    return list(saved_records(Store(store)))


def spoilt(state: RunState, setting: str = "toy-same") -> Results:
    """The results as if the runs after a setting had gone wrong on toy-kind."""

    def results(*given: object) -> pd.DataFrame:
        frame = results_frame(*given)  # type: ignore[arg-type]
        hit = (frame["target"] == "toy-kind") & (frame["intermediate"] == setting)
        frame = with_state(frame, state, hit)
        return frame.assign(value=frame["value"].mask(hit & (state is RunState.DIVERGED)))

    return results


def test_known_gains_equal_those_of_the_results(finished: Path, small: LoadedExperiment) -> None:
    found = known_gains(past(finished), Store(finished))
    assert found[["encoder", "intermediate"]].drop_duplicates().values.tolist() == [
        ["encoder", "toy-same"]
    ]
    table = xstilts.gains(small, finished)
    main = table[table["main"]].set_index("target")["gain"]
    for row in found.itertuples():
        assert row.gain == pytest.approx(main[row.target])
    assert sorted(found["target"]) == ["toy-kind", "toy-search"]


def test_the_newest_experiment_counts_and_sweeps_are_excluded(finished: Path) -> None:
    (record,) = past(finished)
    twice = [replace(record, experiment="old"), replace(record, experiment="new")]
    assert len(known_gains(twice, Store(finished))) == 2
    swept = tuple(
        replace(cell, target="toy-search (layer 1, mean)") if cell.target == "toy-search" else cell
        for cell in record.cells
    )
    found = known_gains([replace(record, cells=swept)], Store(finished))
    assert found["target"].tolist() == ["toy-kind"]
    direct = direct_gains(twice, Store(finished), ("encoder", "toy-kind"), ["toy-same"])
    assert direct.gains["toy-same"].note == "new, 1 seed"


def test_controls_with_shuffled_labels_are_no_tasks_with_known_gains(finished: Path) -> None:
    (record,) = past(finished)
    renamed = tuple(
        replace(cell, intermediate=cell.intermediate.replace("same", "same-shuffled-labels"))
        for cell in record.cells
    )
    assert known_gains([replace(record, cells=renamed)], Store(finished)).empty


def test_direct_gains_equal_the_gain_table(finished: Path, small: LoadedExperiment) -> None:
    table = xstilts.gains(small, finished)
    row = table[table["main"] & (table["target"] == "toy-kind")].iloc[0]
    place = "encoder", "toy-kind"
    direct = direct_gains(past(finished), Store(finished), place, ["toy-same", "toy-tags"])
    assert list(direct.gains) == ["toy-same"]
    found = direct.gains["toy-same"]
    assert (found.value, found.low, found.high) == (row["gain"], row["low"], row["high"])
    assert direct.failed == {}
    english = direct_gains(past(finished), Store(finished), place, ["toy-same"], ["en"])
    assert english.gains["toy-same"].value == pytest.approx(row["english"])
    assert "English only" in english.gains["toy-same"].note
    elsewhere = direct_gains(past(finished), Store(finished), ("other", "toy-kind"), ["toy-same"])
    assert elsewhere.gains == {}


@pytest.mark.parametrize("event", [RunState.DIVERGED, RunState.COLLAPSED])
def test_failed_runs_are_excluded_and_named(
    event: RunState, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experience, "results_frame", spoilt(event))
    assert known_gains(past(finished), Store(finished))["target"].tolist() == ["toy-search"]
    place = "encoder", "toy-kind"
    direct = direct_gains(past(finished), Store(finished), place, ["toy-same"])
    assert direct.gains == {}
    assert direct.failed == {"toy-same": f"{event} in small"}


def test_a_failure_of_the_baseline_is_not_called_one_of_the_candidate(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "encoder", "toy-kind"
    for event in (RunState.DIVERGED, RunState.COLLAPSED):
        monkeypatch.setattr(experience, "results_frame", spoilt(event, NO_INTERMEDIATE))
        direct = direct_gains(past(finished), Store(finished), place, ["toy-same"])
        assert direct.gains == {}
        assert direct.failed == {"toy-same": f"the baseline {event} in small"}


def test_an_empty_store_has_no_known_gains(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert known_gains([], store).empty
    assert direct_gains([], store, ("encoder", "toy-kind"), ["toy-same"]).gains == {}


def test_remaining_cost_counts_stages_of_the_candidate_only(
    small: LoadedExperiment, tmp_path: Path
) -> None:
    compiled = compile_experiment(small)
    cost = remaining_costs(compiled, compiled.plan.statuses(Store(tmp_path)), {"train": 2.0})
    assert cost["toy-same"].stages + cost[NO_INTERMEDIATE].stages == len(compiled.plan.stages)
    own = [stage for stage in compiled.plan.stages if "toy-same" in stage.label]
    assert cost["toy-same"].stages == len(own)
    assert cost["toy-same"].operations == sum(stage.cost.operations for stage in own)
    assert cost["toy-same"].seconds == pytest.approx(
        sum(stage.cost.seconds * (2 if stage.kind == "train" else 1) for stage in own)
    )


def test_finished_stages_have_no_remaining_cost(small: LoadedExperiment, finished: Path) -> None:
    compiled = compile_experiment(small)
    cost = remaining_costs(compiled, compiled.plan.statuses(Store(finished)), {})
    assert [(one.stages, one.seconds) for one in cost.values()] == [(0, 0), (0, 0)]
