"""What studies read: on a store of a run, on failed stages, and in an experiment's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xstilts.analysis.measures_table import task_measures
from xstilts.analysis.results import facts_in, results_frame
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import MeasureRef
from xstilts.studies import difficulty, similarity
from xstilts.studies.base import OWN, Evidence
from xstilts.studies.study_data import dev_metrics, read_data, searched_targets


@pytest.fixture
def evidence(small: LoadedExperiment, finished: Path) -> Evidence:
    """The finished toy experiment, without a measure."""
    store, cells = Store(finished), compile_experiment(small).cells
    results = results_frame(cells, store)
    return Evidence(small, store, {OWN: cells}, {OWN: results}, (), facts_in(store))


def test_searched_targets_are_those_without_a_training(small: LoadedExperiment) -> None:
    names = ["toy-kind", "toy-search", "toy-search", "toy-search (layer 1, mean)"]
    assert searched_targets(small, names) == ("toy-search", "toy-search (layer 1, mean)")
    assert dev_metrics(small, ["toy-same", "toy-kind@en"]) == {
        "toy-same": "accuracy",
        "toy-kind@en": "accuracy",
    }


def test_one_task_of_a_real_store_is_not_enough_data(evidence: Evidence) -> None:
    assert difficulty.STUDY.answer(evidence).summary == difficulty.NO_GAIN
    assert "no target has gains" in similarity.STUDY.answer(evidence).summary
    key = evidence.cells[OWN][-1].trained_by[0]

    def facts(key: str) -> Mapping[str, Any]:
        return {"value": 0.6, "dev": {"0": 0.6}}

    measured = (MeasureRef("accuracy", "toy-same", seed=0, keys=(key,)),)
    found = difficulty.STUDY.answer(replace(evidence, measured=measured, facts=facts))
    assert "not enough data" in found.summary
    assert "1 of at least 5" in found.summary
    (row,) = next(one.frame for one in found.tables if one.name == "tasks").to_dict("records")
    assert (row["task"], row["metric"], row["accuracy"]) == ("toy-same", "accuracy", 0.6)
    assert not math.isnan(row["gain toy-search"])


def test_a_measure_with_a_failed_stage_is_unknown_and_named(evidence: Evidence) -> None:
    measured = tuple(MeasureRef("accuracy", "a", seed=seed, keys=(f"k{seed}",)) for seed in (0, 1))
    half = replace(
        evidence,
        measured=measured,
        facts=lambda key: {"value": 0.6, "dev": {"0": 0.6}} if key == "k0" else None,
    )
    data = read_data(half)
    assert task_measures(data.measures, ["accuracy"])["accuracy"].isna().all()
    assert data.failed_measures == {"accuracy": ["a"]}
    (caveat,) = (one for one in data.caveats if one.startswith("accuracy is unknown"))
    assert caveat.endswith(": a.")
