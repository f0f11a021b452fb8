"""The studies `difficulty` and `similarity` on a published kind of table, without training.

Dev scores of RoBERTa-large, 11 intermediate tasks by 10 English targets, of the first authors'
runs. Single-task scores, sizes and lengths (words) are those of the reference notes, for the six
tasks that have all three. The table's English stands in for a target language.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.measures_table import COLUMNS as MEASURE_COLUMNS
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.studies.difficulty import DifficultyAnalysis
from xstilts.studies.similarity import SimilarityAnalysis
from xstilts.studies.study_data import StudyData

FILE = (
    Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared")
    / "reference"
    / "roberta_large_transfer.csv"
)
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE.name}: set XSTILTS_TEST_DATA")

KNOWN = {
    "mnli": (0.901, 392_702, 40.3),
    "qqp": (0.898, 363_854, 31.0),
    "cosmosqa": (0.819, 25_262, 96.2),
    "hellaswag": (0.856, 39_905, 83.8),
    "commonsenseqa": (0.740, 9_741, 25.6),
    "ccg": (0.96, 38_015, 29.2),
}
"""Task → single-task score, training examples, mean words."""
OWN_DATA = {("cosmosqa", "cosmos"), ("commonsenseqa", "csqa")}
CHOICES = {"cosmosqa", "hellaswag", "commonsenseqa", "socialiqa", "copa", "csqa", "cosmos"}


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return pd.read_csv(FILE, index_col="intermediate").astype(float) / 100


@pytest.fixture(scope="module")
def gains(scores: pd.DataFrame) -> Gains:
    rows = [
        ("e", task, target, "xx", "dev", 0, "m", scores.loc[task, target], 1, "k", states)
        for task in scores.index
        for target in scores
        for states in [frozenset({RunState.SAME_DATA} if (task, target) in OWN_DATA else ())]
    ]
    return compute_gains(pd.DataFrame(rows, columns=list(COLUMNS)))


def table(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    """Rows of measure, task, other and value."""
    whole = [(measure, task, other, "", -1, value) for measure, task, other, value in rows]
    return pd.DataFrame(whole, columns=list(MEASURE_COLUMNS))


def data(gains: Gains, rows: list[tuple[str, str, str, float]]) -> StudyData:
    """The gains, with measures."""
    return StudyData(gains, tuple(dict.fromkeys(row[1] for row in rows)), measures=table(rows))


def test_a_task_on_its_own_data_has_no_gain(gains: Gains) -> None:
    assert len(gains.table) == 11 * 10 - 2
    assert {(one.intermediate, one.target) for one in gains.exclusions} == OWN_DATA


def test_single_task_scores_of_six_tasks_are_correlated_as_scipy_does(
    scores: pd.DataFrame, gains: Gains
) -> None:
    names = ("accuracy", "size", "length")
    rows = [
        (name, task, "", float(value))
        for task, values in KNOWN.items()
        for name, value in zip(names, values, strict=True)
    ]
    metrics = dict.fromkeys(KNOWN, "accuracy")
    analysis = DifficultyAnalysis(data(gains, rows), ["rte", "copa"], metrics)
    estimate = analysis.results[0].estimate
    known = scores.loc[list(KNOWN), ["rte", "copa"]].mean(axis=1)
    by_hand = stats.spearmanr([one[0] for one in KNOWN.values()], known).statistic
    assert estimate.value == pytest.approx(by_hand)
    assert estimate.n == 6
    assert analysis.results[0].power > 0.8
    assert "6 of at least 7" in analysis.results[0].extra["partial"].note


def test_tasks_that_help_eight_targets_help_the_two_others(
    scores: pd.DataFrame, gains: Gains
) -> None:
    """Their mean score plays the part of an easy task: an association that is really there."""
    asked = ["rte", "boolq"]
    predictor = scores.drop(index="none").drop(columns=asked).mean(axis=1)
    rows = [("accuracy", str(task), "", float(value)) for task, value in predictor.items()]
    metrics = dict.fromkeys(map(str, predictor.index), "accuracy")
    analysis = DifficultyAnalysis(data(gains, rows), asked, metrics)
    assert analysis.results[0].significant
    assert analysis.results[0].estimate.low > 0
    (figure, _) = analysis.figures()
    assert set(figure.series[0].labels) == set(predictor.index)


def test_choosing_by_the_other_targets_beats_chance(scores: pd.DataFrame, gains: Gains) -> None:
    tasks = scores.index.drop("none")
    rows = [
        ("format", str(task), str(target), float((task in CHOICES) == (target in CHOICES)))
        for task in tasks
        for target in scores
    ]
    rows += [("size-rule", task, "", float(values[1])) for task, values in KNOWN.items()]
    analysis = SimilarityAnalysis(data(gains, rows), draws=1999)
    frames = {one.name: one.frame for one in analysis.tables()}
    measures = frames["measures"].set_index("measure")
    others = measures.loc["other-targets"]
    assert others["rho"] > 0.5
    assert others["regret1"] < others["regret1_by_chance"]
    assert others["regret1_less_chance_high"] < 0
    choices = frames["choices"].set_index(["measure", "target"])
    # Worked by hand: of the six with a size MNLI has the largest. It is the best of all on RTE; on
    # WiC the best is one without a size, which counts.
    assert choices.loc[("size-rule", "rte"), "regret1"] == 0
    wic = scores.loc[tasks, "wic"]
    assert wic.idxmax() not in KNOWN
    lost = 100 * (1 - wic["mnli"] / wic.max())
    assert choices.loc[("size-rule", "wic"), "regret1"] == pytest.approx(lost)
    rte = frames["associations"].set_index(["measure", "target"]).loc[("format", "rte")]
    same = [task not in CHOICES for task in tasks]
    by_hand = stats.spearmanr(same, scores.loc[tasks, "rte"]).statistic
    assert rte["spearman"] == pytest.approx(by_hand)
    assert np.isnan(rte["partial"])
