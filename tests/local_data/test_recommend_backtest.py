"""Advice on a published kind of table: each of 10 targets held out, 11 tasks to choose from.

Dev scores of RoBERTa-large from the first authors' runs; the row `none` has no intermediate task.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from xstilts.recommend.backtest import Policy, leave_one_target_out, mean_cost

FILE = (
    Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared")
    / "reference"
    / "roberta_large_transfer.csv"
)
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE.name}: set XSTILTS_TEST_DATA")
NOTHING = pd.DataFrame(columns=["measure", "task", "other", "language", "seed", "value"])


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    scores = pd.read_csv(FILE, index_col="intermediate").astype(float) / 100
    tasks = scores.drop(index="none").rename_axis(columns="target").rename_axis("intermediate")
    table = tasks.stack().rename("score").reset_index()
    gain = table["score"] - table["target"].map(scores.loc["none"])
    return leave_one_target_out(table.assign(gain=gain, encoder="roberta-large"), NOTHING)


def test_recommendations_have_half_the_regret_of_chance(found: pd.DataFrame) -> None:
    assert len(found) == 3 * 10
    ours, others, blind = (mean_cost(found, way).value for way in Policy)
    assert [100 * ours, 100 * blind] == pytest.approx([2.5, 4.9], abs=0.1)  # guide/recommend.md
    assert ours == pytest.approx(others, abs=0.005)  # a whole table and no measures
    ours, others, blind = (mean_cost(found, way, "cost_3").value for way in Policy)
    assert 100 * ours == pytest.approx(0.5, abs=0.1)
    assert blind > 0.01
    means = found.groupby("policy")[["regret_1", "regret_3", "ndcg"]].mean()
    assert means.loc[Policy.ADVICE, "regret_1"] < 4 < 5 < means.loc[Policy.BLIND, "regret_1"]
    assert means.loc[Policy.ADVICE, "regret_3"] < 1
    assert means.loc[Policy.ADVICE, "ndcg"] > means.loc[Policy.BLIND, "ndcg"]


def test_prediction_intervals_cover_unseen_targets(found: pd.DataFrame) -> None:
    """110 gains, in ten heaps; docs/guide/recommend.md has the share of them inside."""
    advice = found[found["policy"] == Policy.ADVICE]
    assert 100 * advice["inside"].mean() == pytest.approx(97, abs=1)
