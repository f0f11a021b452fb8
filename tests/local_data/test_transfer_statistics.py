"""The estimators on a published kind of table: 11 intermediate tasks by 10 English targets.

Dev scores of RoBERTa-large from the first authors' runs; the row `none` has no intermediate task.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xstilts.statistics.association import associate, leave_one_out, partial
from xstilts.statistics.group_contrast import contrast
from xstilts.statistics.ranking import ndcg, regret

FILE = (
    Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared")
    / "reference"
    / "roberta_large_transfer.csv"
)
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE.name}: set XSTILTS_TEST_DATA")
QUESTIONS = ("cosmosqa", "hellaswag", "commonsenseqa", "socialiqa")


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return pd.read_csv(FILE, index_col="intermediate").astype(float)


@pytest.fixture(scope="module")
def gains(scores: pd.DataFrame) -> pd.DataFrame:
    return (scores - scores.loc["none"]).drop(index="none")


def test_the_published_table_is_complete(scores: pd.DataFrame) -> None:
    assert scores.shape == (12, 10)
    assert not scores.isna().any(axis=None)


@pytest.mark.parametrize("other", ["boolq", "cb", "multirc", "csqa"])
def test_associations_between_targets_equal_scipy(gains: pd.DataFrame, other: str) -> None:
    x, y = gains["rte"], gains[other]
    rho, tau = associate(x, y, draws=1999), associate(x, y, "kendall", draws=1999)
    assert rho.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert tau.value == pytest.approx(stats.kendalltau(x, y).statistic)
    assert rho.low < rho.value < rho.high
    assert (rho.n, rho.note) == (11, "")


def test_what_helps_one_target_helps_another(gains: pd.DataFrame) -> None:
    """RTE and MultiRC profit from the same tasks."""
    found = associate(gains["rte"], gains["multirc"])
    assert found.significant
    assert found.low > 0.3


def test_influence_equals_the_correlation_without_the_task(gains: pd.DataFrame) -> None:
    found = leave_one_out(list(gains.index), gains["rte"], gains["wic"])
    assert {one.name for one in found} == set(gains.index)
    first = found[0]
    rest = gains.drop(index=first.name)
    assert first.without == pytest.approx(stats.spearmanr(rest["rte"], rest["wic"]).statistic)


def test_a_target_explains_much_of_what_two_others_share(gains: pd.DataFrame) -> None:
    plain = associate(gains["boolq"], gains["csqa"])
    given = partial(gains["boolq"], gains["csqa"], {"rte": gains["rte"]})
    assert given.value < plain.value


def test_the_other_targets_choose_better_than_chance(scores: pd.DataFrame) -> None:
    """Ranking tasks by their mean over the nine other targets, each target held out in turn."""
    tasks = scores.drop(index="none")
    by_others, by_chance = [], []
    for target in tasks:
        true = tasks[target].to_numpy()
        predicted = tasks.drop(columns=target).mean(axis=1).to_numpy()
        by_others.append([regret(predicted, true, k) for k in (1, 3, 11)])
        by_chance.append(100 * (true.max() - true.mean()) / true.max())
        assert ndcg(predicted, true) > ndcg(-predicted, true)
    one, three, every = np.mean(by_others, axis=0)
    assert every == 0
    assert three <= one < np.mean(by_chance)


def test_a_contrast_of_eleven_tasks_is_estimated(gains: pd.DataFrame) -> None:
    """Multiple choice against the rest, over all targets: one language, one run each."""
    table = gains.rename_axis(columns="target").stack().rename("gain").reset_index()
    table = table.rename(columns={"intermediate": "task"}).assign(language="en", seed=0)
    found = contrast(table, QUESTIONS)
    means = gains.mean(axis=1)
    inside = means.index.isin(QUESTIONS)
    assert found.tasks.value == pytest.approx(means[inside].mean() - means[~inside].mean())
    assert found.mixed.value == pytest.approx(found.tasks.value, abs=0.01)
    assert not found.tasks.significant
