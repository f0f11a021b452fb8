"""Tables for a terminal: what they say of runs that went wrong."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from xstilts.analysis.run_states import RunState
from xstilts.reports.tables import evaluation_legend, score_table


def printed(table: Table) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(table)
    return out.getvalue()


@pytest.mark.parametrize("states", [frozenset(), frozenset({RunState.COLLAPSED})])
def test_scores_of_a_collapsed_run_are_marked(states: frozenset[RunState]) -> None:
    columns = ["encoder", "target", "intermediate", "metric", "language", "seed", "value", "states"]
    row = ["e", "xnli", "none", "accuracy", "de", 0, 1 / 3, states]
    text = printed(score_table(pd.DataFrame([row], columns=columns)))
    assert "33.3" in text
    assert ("collapsed" in text) == bool(states)
    assert ("note" in text) == bool(states)


def test_the_legend_explains_evaluations_beside_zero_shot() -> None:
    assert evaluation_legend(["xnli", "tatoeba (layer 8, mean)"]) == ""
    assert "zero-shot" in evaluation_legend(["xnli", "xnli (10 shots)"])
