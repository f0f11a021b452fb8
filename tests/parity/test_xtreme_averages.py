"""XTREME's averages against recorded outputs of its evaluate.py."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from xstilts.analysis.benchmark_averages import benchmark_averages
from xstilts.metrics import METRICS
from xstilts.tasks.benchmarks import XTREME

RECORDED = json.loads((Path(__file__).parent / "xtreme_averages.json").read_text(encoding="utf-8"))


def frame(*, without: tuple[str, ...] = (), intermediate: str = "none") -> pd.DataFrame:
    """The recorded scores as `results` gives them, with another metric's rows beside them."""
    rows = [
        {
            "encoder": "e",
            "intermediate": intermediate,
            "target": task,
            "language": code,
            "split": "test",
            "seed": 0,
            "metric": metric,
            "value": value,
        }
        for task, code, scores in RECORDED["scores"]
        for metric, value in (
            (XTREME.metrics[task], sum(scores.values()) / len(scores) / 100),
            ("another", 0.5),
        )
        if task not in without and code not in without
    ]
    return pd.DataFrame(rows)


def values(averages: pd.DataFrame, *, english: bool = True) -> dict[str, float]:
    here = averages[averages["english"] == english]
    return dict(zip(here["name"], here["value"], strict=True))


def test_task_group_and_overall_averages_equal_evaluate_py() -> None:
    found = benchmark_averages(frame())
    assert found["complete"].all()
    ours = {name: 100 * value for name, value in values(found).items()}
    theirs = {**RECORDED["tasks"], **RECORDED["overall"]}
    theirs["xtreme"] = theirs.pop("all_task")
    assert ours == {name: pytest.approx(value, abs=1e-9) for name, value in theirs.items()}


def test_a_missing_task_leaves_no_overall_score() -> None:
    found = benchmark_averages(frame(without=("bucc",)))
    ours = values(found)
    assert math.isnan(ours["xtreme"])
    assert math.isnan(ours["retrieval"])
    for name, value in RECORDED["without_bucc"].items():
        assert 100 * ours[name] == pytest.approx(value, abs=1e-9)
    overall = found[(found["level"] == "overall") & found["english"]].iloc[0]
    assert (overall["missing"], overall["n"], overall["complete"]) == ("bucc", 8, False)


def test_a_missing_language_is_named_and_leaves_no_group_or_overall_average() -> None:
    table = frame()
    lost = (table["target"] == "paws-x") & (table["language"] == "ko")
    table.loc[lost, "value"] = float("nan")  # a run that diverged
    found = benchmark_averages(table).set_index(["name", "english"])
    task = found.loc[("paws-x", True)]
    assert (task["missing"], task["n"], task["complete"]) == ("ko", 6, False)
    there = [
        scores["accuracy"]
        for name, code, scores in RECORDED["scores"]
        if name == "paws-x" and code != "ko"
    ]
    assert task["value"] == pytest.approx(sum(there) / 600)
    assert math.isnan(found.loc[("classification", True), "value"])
    assert found.loc[("tagging", True), "complete"]


def test_averages_without_english_exclude_english() -> None:
    found = values(benchmark_averages(frame(without=("en",))), english=False)
    both = values(benchmark_averages(frame()), english=False)
    assert found == both
    assert both["tatoeba"] == values(benchmark_averages(frame()))["tatoeba"]
    assert both["xnli"] != values(benchmark_averages(frame()))["xnli"]


def test_each_encoder_setting_and_seed_is_averaged_separately() -> None:
    found = benchmark_averages(pd.concat([frame(), frame(without=("xnli",), intermediate="mnli")]))
    assert found["intermediate"].unique().tolist() == ["none", "mnli"]
    overall = found[(found["level"] == "overall") & found["english"]]
    assert overall["complete"].tolist() == [True, False]


def test_every_task_has_a_known_metric() -> None:
    assert all(name in METRICS for name in XTREME.metrics.values())
