"""Tables of measures: one value per task, or per task and target."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.measures_table import COLUMNS, pair_measures, task_measures


def test_tasks_without_a_measure_are_nan() -> None:
    rows = [("size", "a", "", "", -1, 10.0), ("length", "b", "", "", -1, 3.0)]
    table = task_measures(pd.DataFrame(rows, columns=list(COLUMNS)), ["size", "length", "other"])
    assert table["size"].to_dict() == pytest.approx({"a": 10.0, "b": math.nan}, nan_ok=True)
    assert table["other"].isna().all()
    assert task_measures(pd.DataFrame(columns=list(COLUMNS)), ["size"]).empty


def test_a_measure_with_one_failed_seed_is_nan() -> None:
    rows = [("accuracy", "a", "", "", 0, 0.5), ("accuracy", "a", "", "", 1, math.nan)]
    table = task_measures(pd.DataFrame(rows, columns=list(COLUMNS)), ["accuracy"])
    assert table["accuracy"].isna().all()


def test_a_measure_holds_for_the_languages_and_targets_that_it_does_not_name() -> None:
    rows = [
        ("divergence", "a", "one", "en", -1, 0.9),
        ("divergence", "a", "one", "de", -1, 0.2),
        ("divergence", "a", "one", "sw", -1, 0.4),
        ("size-rule", "a", "", "", -1, 100.0),
        ("textemb", "a", "one", "en", -1, 0.5),
        ("cka", "a", "one", "", 0, 0.5),
        ("cka", "a", "one", "", 1, float("nan")),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))

    def value(measure: str, target: str = "one", language: str = "") -> float:
        return float(pair_measures(table, measure, [target], language).loc["a", target])

    assert value("divergence") == pytest.approx(0.3)
    assert value("divergence", language="de") == pytest.approx(0.2)
    assert value("divergence", language="th") == pytest.approx(0.9)
    assert value("divergence", "one (layer 7, mean)") == pytest.approx(0.3)
    assert value("size-rule") == value("size-rule", language="de") == 100
    assert value("textemb") == 0.5
    assert np.isnan(value("cka"))
    assert pair_measures(table, "divergence", ["two"]).isna().all(axis=None)
