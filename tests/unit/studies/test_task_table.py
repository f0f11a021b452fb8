"""Tasks as points: what is measured of them, and both studies on a store that was really run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xstilts.analysis.results import facts_in, results_frame
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import MeasureRef
from xstilts.statistics.estimate import Estimate
from xstilts.studies import difficulty, similarity
from xstilts.studies.base import OWN, Evidence
from xstilts.studies.task_table import (
    PLACE,
    all_measures,
    dev_metrics,
    mean_gain,
    mean_over_runs,
    measured_of,
    pooled,
    searched_targets,
    task_table,
)
from xstilts.studies.text import format_estimate, format_p, join_names


@pytest.fixture
def evidence(small: LoadedExperiment, finished: Path) -> Evidence:
    """The finished toy experiment, without a measure."""
    store, cells = Store(finished), compile_experiment(small).cells
    results = results_frame(cells, store)
    return Evidence(small, store, {OWN: cells}, {OWN: results}, (), facts_in(store))


def test_targets_that_are_searched_are_told_from_the_others(small: LoadedExperiment) -> None:
    names = ["toy-kind", "toy-search", "toy-search", "toy-search (layer 1, mean)"]
    assert searched_targets(small, names) == ("toy-search", "toy-search (layer 1, mean)")
    assert dev_metrics(small, ["toy-same", "toy-kind@en"]) == {
        "toy-same": "accuracy",
        "toy-kind@en": "accuracy",
    }


def test_one_task_of_a_real_store_is_too_few_for_both_studies(evidence: Evidence) -> None:
    assert difficulty.STUDY.answer(evidence).summary == (
        "Not answered: no intermediate task has a gain on retrieval."
    )
    assert "no target has gains" in similarity.STUDY.answer(evidence).summary
    key = evidence.cells[OWN][-1].trained_by[0]

    def facts(key: str) -> Mapping[str, Any]:
        return {"value": 0.6, "dev": {"0": 0.6}}

    measured = (MeasureRef("accuracy", "toy-same", seed=0, keys=(key,)),)
    found = difficulty.STUDY.answer(replace(evidence, measured=measured, facts=facts))
    assert found.summary == "Not answered: too few points for a conclusion: 1 of at least 5."
    (row,) = next(one.frame for one in found.tables if one.name == "tasks").to_dict("records")
    assert (row["task"], row["metric"], row["accuracy"]) == ("toy-same", "accuracy", 0.6)
    assert not math.isnan(row["gain toy-search"])


def test_a_measure_whose_stage_failed_is_unknown_and_named(evidence: Evidence) -> None:
    measured = tuple(MeasureRef("accuracy", "a", seed=seed, keys=(f"k{seed}",)) for seed in (0, 1))
    half = replace(
        evidence,
        measured=measured,
        facts=lambda key: {"value": 0.6, "dev": {"0": 0.6}} if key == "k0" else None,
    )
    table, (caveat,) = all_measures(half)
    assert measured_of(table, "accuracy").isna().all()
    assert caveat.startswith("accuracy is not known")
    assert caveat.endswith(": a.")


def test_means_leave_out_english_and_what_is_incomplete() -> None:
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


def test_tasks_without_a_measure_have_a_gap() -> None:
    rows = [("size", "a", "", "", -1, 10.0), ("length", "b", "", "", -1, 3.0)]
    table = task_table(pd.DataFrame(rows, columns=[*PLACE, "value"]), ["size", "length"])
    assert table["size"].to_dict() == pytest.approx({"a": 10.0, "b": math.nan}, nan_ok=True)


def test_numbers_in_sentences() -> None:
    whole = Estimate(0.618, 0.1, 0.9, 0.0301, 11)
    assert format_estimate(whole) == "0.62 (95 % interval 0.10 to 0.90, p = 0.030, n = 11)"
    assert format_estimate(Estimate(1.25, n=3), 1, " %") == "1.2 % (n = 3)"
    assert format_p(0.0001, "Holm") == "Holm < 0.001"
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b", "c"]) == "a, b and c"
