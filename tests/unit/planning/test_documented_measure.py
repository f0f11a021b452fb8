"""The measure of docs/extending/measure.md: its pairs, its stages and its values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from xstilts.analysis.measures_table import measures_table, pair_measures
from xstilts.config.load import LoadedExperiment
from xstilts.planning.measures import MEASURES, compile_measures

PAGE = Path(__file__).parents[3] / "docs" / "extending" / "measure.md"
NAME = "length-match"


@pytest.fixture
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure, as if its package were installed; other tests use all that are registered."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    monkeypatch.setitem(MEASURES._objects, NAME, names["LENGTH_MATCH"])


@pytest.mark.usefixtures("_registered")
def test_the_documented_measure_compares_lengths_of_every_pair(loaded: LoadedExperiment) -> None:
    stages, measured = compile_measures(loaded, [NAME, "format", "divergence", "length"])
    pairs = {(one.task, one.other) for one in measured if one.measure == NAME}
    assert pairs == {(one.task, one.other) for one in measured if one.measure == "format"}
    shared = {key for one in measured if one.measure == "length" for key in one.keys}
    counted = [stage.key for stage in stages if stage.kind == "subwords"]
    assert shared < set(counted)
    assert {key for one in measured if one.measure == NAME for key in one.keys} == set(counted)
    lengths = {key: {"length": 10.0 + 5 * (key in shared), "value": 0.0} for key in counted}
    own = [one for one in measured if one.measure == NAME]
    table = measures_table(own, lengths.get)
    target = pair_measures(table, NAME, ["toy-search"])["toy-search"]
    assert target["toy-same"] == pytest.approx(10 / 15)
    assert table["value"].between(0, 1).all()
    assert measures_table(own, lambda _: None).empty
