"""The study `similarity`: planted correlations are significant, null ones are not."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.measures_table import COLUMNS as MEASURE_COLUMNS
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.recommend.regret import (
    by_other_choices,
    by_other_targets,
    least_regret,
    rank_quality,
)
from xstilts.statistics.association import associate_over_targets, detectable_correlation
from xstilts.statistics.ranking import expected_ndcg, expected_regret, ndcg
from xstilts.studies import render
from xstilts.studies.base import Answer
from xstilts.studies.correlation_engine import ONE_SEED_EACH
from xstilts.studies.result import Result, Significance
from xstilts.studies.similarity import SimilarityAnalysis
from xstilts.studies.study_data import StudyData
from xstilts.testing.answers import estimate_of, table_of

LANGUAGES = ("de", "sw")
TASKS = tuple(f"task{number}" for number in range(8))
TARGETS = ("one", "two", "three")
Table = Mapping[tuple[str, str], float]
"""(task, target) → a value."""


def grid(gains: Table, states: Mapping[tuple[str, str], RunState] | None = None) -> Gains:
    """Runs in two languages with one seed: each has the gain given."""
    rows = []
    targets = list(dict.fromkeys(target for _, target in gains))
    for (task, target), gain in {**{("none", one): 0.0 for one in targets}, **gains}.items():
        for language in LANGUAGES:
            held = frozenset(filter(None, [(states or {}).get((task, target))]))
            value = float("nan") if RunState.DIVERGED in held else 0.4 + gain
            rows.append(("e", task, target, language, "test", 0, "m", value, 9, "k", held))
    return compute_gains(pd.DataFrame(rows, columns=list(COLUMNS)))


def pairs(**values: Table) -> pd.DataFrame:
    """Measure → (task, target) → value, as a table of measures."""
    rows = [
        (name.replace("_", "-"), task, target, "", -1, value)
        for name, table in values.items()
        for (task, target), value in table.items()
    ]
    return pd.DataFrame(rows, columns=list(MEASURE_COLUMNS))


def drawn(seed: int, scale: float = 1.0) -> Table:
    draw = np.random.default_rng(seed)
    return {(task, target): scale * float(draw.random()) for target in TARGETS for task in TASKS}


def planted() -> tuple[Gains, pd.DataFrame]:
    """Gains that follow textemb, and go against the divergence; semb has nothing to do with it."""
    likeness = drawn(1)
    gains = {place: 0.2 * value for place, value in likeness.items()}
    divergence = {place: 1 - value for place, value in likeness.items()}
    same = {(task, target): float(int(task[-1]) % 3 == 0) for task, target in likeness}
    return grid(gains), pairs(textemb=likeness, divergence=divergence, semb=drawn(2), format=same)


def analysis(gains: Gains, table: pd.DataFrame, draws: int = 199) -> SimilarityAnalysis:
    data = StudyData(gains, tuple(dict.fromkeys(table["task"])), measures=table)
    return SimilarityAnalysis(data, draws)


def answered(found: SimilarityAnalysis) -> Answer:
    return render.answer("similarity", "", [found])


def by_name(found: SimilarityAnalysis) -> dict[str, Result]:
    return {result.name: result for result in found.measures}


def test_a_planted_correlation_is_significant_and_choosing_by_it_loses_nothing() -> None:
    found = analysis(*planted(), draws=499)
    answer, results = answered(found), by_name(found)
    for name in ("textemb", "divergence"):
        assert estimate_of(answer, name).value == pytest.approx(1)
        assert estimate_of(answer, name).n == 8
        assert results[name].significant
        assert estimate_of(answer, f"regret-{name}").value == pytest.approx(0)
    assert results["semb"].significance is Significance.NOT_SIGNIFICANT
    assert "textemb (1.00)" in answer.summary
    assert "semb" not in answer.summary
    assert any(one.startswith("Not measured: ") and "cka" in one for one in answer.caveats)


def test_nothing_of_one_seed_is_called_significant() -> None:
    answer = answered(analysis(*planted()))
    (text,) = (one.text for one in answer.findings if one.name == "textemb")
    assert "p < 0.05 over tasks alone (" in text
    assert ONE_SEED_EACH in text
    assert ONE_SEED_EACH in answer.summary
    texts = (answer.summary, *(one.text for one in answer.findings))
    assert not any("significant" in one.lower() for one in texts)


def test_a_negative_correlation_keeps_its_sign() -> None:
    likeness = drawn(1)
    gains = grid({place: -0.2 * value for place, value in likeness.items()})
    found = analysis(gains, pairs(textemb=likeness), draws=499)
    assert by_name(found)["textemb"].estimate.value == pytest.approx(-1)
    assert "textemb (-1.00)" in found.summary()


def test_a_result_that_is_not_significant_comes_with_its_power() -> None:
    found = analysis(planted()[0], pairs(semb=drawn(2)))
    semb = by_name(found)["semb"]
    assert semb.significance is Significance.NOT_SIGNIFICANT
    assert semb.power == detectable_correlation(8)
    assert f"80 % power from {semb.power}" in found.summary()


def test_the_measure_is_chosen_on_other_targets_than_it_is_judged_on() -> None:
    """Each of two measures is perfect where the other is worst; the third has no choice to make."""
    regret = pd.DataFrame(
        {"a": [0.0, 9.0, 9.0], "b": [8.0, 0.0, 0.0], "c": [np.nan, np.nan, np.nan]},
        index=["one", "two", "three"],
    )
    found = by_other_choices(regret)
    # on `one` b is best elsewhere; on the others both have a zero among two: a 4.5, b 4
    assert found.to_dict() == {"one": 8.0, "two": 0.0, "three": 0.0}
    assert by_other_choices(regret.iloc[:1]).empty
    equal = pd.DataFrame({"a": [1.0, 5.0], "b": [3.0, 5.0]}, index=["one", "two"])
    assert by_other_choices(equal).to_dict() == {"one": 2.0, "two": 5.0}
    answer = answered(analysis(*planted()))
    assert "The best of 4 measures" in answer.summary
    chosen = estimate_of(answer, "regret-of-chosen-measure")
    assert (chosen.value, chosen.n) == (pytest.approx(0), 3)


def test_the_regret_of_recommend_is_on_held_out_targets() -> None:
    """Tasks are worth the same on all five targets: the others tell, and chance does not."""
    worth = {
        (task, target): 0.02 * place + 0.001 * (target == "t0")
        for place, task in enumerate(TASKS)
        for target in (f"t{number}" for number in range(5))
    }
    answer = answered(analysis(grid(worth), pairs(textemb=worth)))
    table = table_of(answer, "recommend")
    assert table.groupby("policy").size().tolist() == [5, 5, 5]
    ways = table.groupby("policy")["regret_1"].mean()
    assert ways["recommend"] == ways["best on the other targets"] == pytest.approx(0)
    by_choice = table_of(answer, "measures").set_index("measure").loc["other-targets"]
    assert ways["best on the other targets"] == by_choice["regret1"]
    assert ways["random choice"] == pytest.approx(by_choice["regret1_by_chance"])
    assert estimate_of(answer, "regret-recommend").value == pytest.approx(0)
    few = estimate_of(answered(analysis(*planted())), "regret-recommend")
    assert np.isnan(few.value)
    assert "3 of at least 4" in few.note


def test_tables_and_figures_show_each_target_language_and_measure() -> None:
    gains, table = planted()
    answer = answered(analysis(gains, table))
    measures = table_of(answer, "measures").set_index("measure")
    assert measures.loc["textemb", "given_format"] == pytest.approx(1)
    assert measures.loc["semb", "regret1_by_chance"] > measures.loc["semb", "regret3_by_chance"]
    assert np.isnan(measures.loc["other-targets", "p"])
    languages = table_of(answer, "languages")
    assert set(languages["language"]) == set(LANGUAGES)
    assert languages.loc[languages["measure"] == "textemb", "rho"].min() == pytest.approx(1)
    rows = table_of(answer, "associations").set_index(["measure", "target"])
    assert rows.loc[("divergence", "two"), "spearman"] == pytest.approx(1)
    correlation, lost = answer.figures
    assert correlation.series[0].labels[:3] == ("textemb", "semb", "divergence")
    assert len(lost.series[1].y) == len(lost.series[0].y)
    assert len(table_of(answer, "pairs")) == 24


def test_four_tasks_no_gains_and_no_measures_are_not_enough_data() -> None:
    few = {(task, "one"): 0.1 * place for place, task in enumerate(TASKS[:4])}
    answer = answered(analysis(grid(few), pairs(textemb=few)))
    assert answer.summary.startswith("Not enough data: ")
    assert "4 of at least 5" in answer.summary
    assert answer.figures == ()
    assert "no target has gains" in analysis(grid(few), pairs(textemb={})).summary()
    unmeasured = analysis(grid(few), pairs(size={("task0", "one"): 1.0}))
    assert unmeasured.summary() == "Not enough data: not measured."


def test_a_diverged_run_excludes_its_task_from_the_mean_and_is_named() -> None:
    gains, _ = planted()
    runs = gains.table.to_dict("records")
    values = {(row["intermediate"], row["target"]): row["gain"] for row in runs}
    broken = grid(values, {("task3", "two"): RunState.DIVERGED})
    answer = answered(analysis(broken, pairs(textemb=values)))
    assert "task3 is left out on two: diverged (seed 0)." in answer.caveats
    assert any("In no mean correlation" in one and "task3" in one for one in answer.caveats)
    rows = table_of(answer, "associations").set_index(["measure", "target"])["n"]
    assert (rows["textemb", "one"], rows["textemb", "two"]) == (8, 7)
    assert estimate_of(answer, "textemb").n == 7


@pytest.mark.parametrize("studies", [20, pytest.param(2000, marks=pytest.mark.heavy)])
def test_null_measures_are_significant_at_most_at_alpha(studies: int) -> None:
    """Tasks that help do so on all three targets: these are not three independent tests."""
    found = 0
    for study in range(studies):
        draw = np.random.default_rng(study)
        help_, size = draw.normal(0, 0.05, 8), draw.random(8)
        gains = help_[:, None] + draw.normal(0, 0.01, (8, 3))
        found += associate_over_targets(np.tile(size[:, None], 3), gains, draws=199).significant
    assert found <= 0.05 * studies + 3 * (studies * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("guess", [[1, 1, 1, 1, 1], [2, 1, 1, 1, 0], [1, 1, 0, 0, 0], range(5)])
def test_equal_predictions_are_worth_the_mean_over_their_orders(guess: list[int]) -> None:
    true = np.array([0.5, 0.1, 0.9, 0.9, 0.3])
    orders = [
        order for order in permutations(range(5)) if np.all(np.diff(np.take(guess, order)) <= 0)
    ]
    places = [np.argsort(order) for order in orders]  # the rank that each task gets
    assert expected_ndcg(guess, true) == pytest.approx(
        np.mean([ndcg(-place, true) for place in places])
    )
    for k in (1, 3, 7):
        by_hand = [100 * (0.9 - true[list(order[:k])].max()) / 0.9 for order in orders]
        assert expected_regret(guess, true, k) == pytest.approx(np.mean(by_hand))
    with pytest.raises(ValueError, match="positive"):
        expected_regret(guess, true * 0, 1)


def test_a_choice_needs_five_tasks_and_a_score_above_zero() -> None:
    score = pd.Series(dict(zip(TASKS, (0.1, 0.5, 0.2, 0.3, 0.4), strict=False)))
    pick = rank_quality("t", "m", -score, score)
    assert pick is not None
    assert (pick.n, pick.regret1, pick.regret3) == (5, pytest.approx(80), pytest.approx(40))
    assert rank_quality("t", "m", score.iloc[:4], score) is None
    assert rank_quality("t", "m", score, score * 0) is None
    assert rank_quality("t", "m", score, score - score.mean()) is None  # correlations


def test_intervals_of_regret_and_ndcg_are_possible_values() -> None:
    """Of three targets the measure chooses best on two and worst, at a score of 0, on one."""
    likeness = drawn(1)
    wrong = {place: (-1 if place[1] == "three" else 1) * one for place, one in likeness.items()}
    gains = {place: 0.2 * value for place, value in likeness.items()}
    worst = min(TASKS, key=lambda task: likeness[task, "three"])
    found = analysis(grid({**gains, (worst, "three"): -0.4}), pairs(textemb=wrong))
    extra = by_name(found)["textemb"].extra
    assert extra["regret1"].value == pytest.approx(100 / 3)
    assert (extra["regret1"].low, extra["regret1"].high) == (0, 100)
    assert extra["ndcg"].high == 1
    assert extra["regret3"].low == 0
    assert extra["regret1_less_chance"].low >= -100
    assert extra["regret1_less_chance"].high == 100
    chosen = estimate_of(answered(found), "regret-of-chosen-measure")
    assert (chosen.low, chosen.high) == (0, 100)


def test_measures_are_compared_on_targets_on_which_all_choose() -> None:
    regret = pd.DataFrame(
        {"a": [1.5, 2.0, np.nan, np.nan, 1.0], "b": [0.5, 1.0, 30.0, 30.0, 0.5]},
        index=list("vwxyz"),
    )
    found = by_other_choices(regret)
    assert found.to_dict() == {"v": 0.5, "w": 1.0, "x": 30.0, "y": 30.0, "z": 0.5}
    assert least_regret(regret) == ["b"]
    apart = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [3.0, np.nan, 4.0]}, index=list("xyz"))
    assert by_other_choices(apart).to_dict() == {"y": 2.0, "z": 4.0}  # nothing compares them for x
    assert least_regret(apart.iloc[1:]) == []


def test_the_best_measure_of_the_summary_is_the_best_where_all_choose() -> None:
    """Textemb is perfect on the only target that semb, not quite so good, is known on."""
    likeness = drawn(1)
    best = max(TASKS, key=lambda task: likeness[task, "three"])
    textemb = {place: (1 if place[1] == "three" else -1) * one for place, one in likeness.items()}
    semb = {(task, "three"): likeness[task, "three"] * (task != best) for task in TASKS}
    gains = grid({place: 0.2 * value for place, value in likeness.items()})
    found = analysis(gains, pairs(textemb=textemb, semb=semb))
    assert "by textemb" in found.summary()
    assert "by semb" not in found.summary()


def test_a_task_without_the_measure_is_chosen_last() -> None:
    score = pd.Series({"a": 50.0, "b": 52.0, "c": 54.0, "d": 56.0, "e": 58.0, "f": 80.0})
    measure = pd.Series({"a": -1e9, "b": 2.0, "c": 3.0, "d": 4.0, "e": 5.0, "f": np.nan})
    pick = rank_quality("t", "m", measure, score)
    assert pick is not None
    assert (pick.n, pick.regret1) == (6, pytest.approx(100 * (80 - 58) / 80))
    last = measure.fillna(-1e10)
    assert pick == rank_quality("t", "m", last, score)
    assert rank_quality("t", "m", measure.drop("a"), score) is None  # four have the measure


def test_a_language_counts_the_tasks_without_the_measure() -> None:
    gains, table = planted()
    best = max(TASKS, key=lambda task: drawn(1)[task, "one"])
    unknown = table["measure"].eq("textemb") & table["task"].eq(best) & table["other"].eq("one")
    found = table_of(answered(analysis(gains, table[~unknown])), "languages")
    rows = found[found["measure"].eq("textemb") & found["target"].eq("one")]
    assert rows["n"].tolist() == [8, 8]
    assert rows["rho"].tolist() == pytest.approx([1, 1])
    assert (rows["regret1"] > 0.05).all()  # the second best is nearly as good


def test_other_targets_are_weighed_alike_and_their_own_is_held_out() -> None:
    gains = pd.DataFrame(
        {"one": [0.0, 1.0, 2.0], "two": [20.0, 10.0, 30.0], "three": [1.0, np.nan, 2.0]},
        index=["a", "b", "c"],
    )
    found = by_other_targets(gains)
    assert found["one"].tolist() == pytest.approx([0, -1, 1])
    assert found["two"].tolist() == pytest.approx([-1, 0, 1])
    one, two = ([-(0.5**0.5), 0.5**0.5] for _ in range(2))
    assert found["three"].dropna().tolist() == pytest.approx(np.mean([one, two], axis=0))
    assert by_other_targets(gains[["one"]]).isna().all(axis=None)
    sparse = pd.DataFrame(
        {"one": [1.0, 2.0, 3.0], "two": [4.0, 8.0, np.nan]}, index=["a", "b", "c"]
    )
    worth = by_other_targets(sparse)["one"]  # no other target has all: those that have, count
    assert worth["a"] < worth["b"]
    assert np.isnan(worth["c"])


def test_the_mean_over_targets_is_the_mean_of_scipys() -> None:
    draw = np.random.default_rng(4)
    x, y = draw.random((9, 3)), draw.random((9, 3))
    each = [stats.spearmanr(x[:, target], y[:, target]).statistic for target in range(3)]
    found = associate_over_targets(x, y, draws=199)
    assert found.value == pytest.approx(np.mean(each))
    assert found.low < found.value < found.high
    constant = np.column_stack([x[:, :2], np.ones(9)])
    assert associate_over_targets(constant, y, draws=199).value == pytest.approx(np.mean(each[:2]))
    gap = np.vstack([x, np.full((1, 3), np.nan)])
    assert associate_over_targets(gap, np.vstack([y, y[:1]]), draws=199) == found
    assert "3 of at least 5" in associate_over_targets(x[:3], y[:3]).note
    assert "constant" in associate_over_targets(np.ones((9, 3)), y).note
    with pytest.raises(ValueError, match="one shape"):
        associate_over_targets(x, y[:, :2])


def test_targets_that_agree_are_one_test() -> None:
    """Eight targets that are copies of one have its p value, not an eighth as much doubt."""
    draw = np.random.default_rng(0)
    x, y = draw.random((7, 1)), draw.random((7, 1))
    once, copied = (associate_over_targets(np.tile(x, k), np.tile(y, k)) for k in (1, 8))
    assert copied.p == pytest.approx(once.p)
    assert copied.low == pytest.approx(once.low)
