"""The study `similarity`: planted relations are found, null ones are not, gaps are said."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.recommend.regret import by_other_choices, by_other_targets, rank_quality
from xstilts.statistics.association import associate_over_targets, detectable_correlation
from xstilts.statistics.ranking import expected_ndcg, expected_regret, ndcg
from xstilts.studies.base import Answer
from xstilts.studies.similarity import conclude
from xstilts.studies.similarity.data import predicted_by
from xstilts.studies.task_table import PLACE

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
    return pd.DataFrame(rows, columns=[*PLACE, "value"])


def drawn(seed: int, scale: float = 1.0) -> Table:
    draw = np.random.default_rng(seed)
    return {(task, target): scale * float(draw.random()) for target in TARGETS for task in TASKS}


def frame(answer: Answer, name: str) -> pd.DataFrame:
    return next(table.frame for table in answer.tables if table.name == name)


def planted() -> tuple[Gains, pd.DataFrame]:
    """Gains that follow textemb, and go against the divergence; semb has nothing to do with it."""
    likeness = drawn(1)
    gains = {place: 0.2 * value for place, value in likeness.items()}
    divergence = {place: 1 - value for place, value in likeness.items()}
    same = {(task, target): float(int(task[-1]) % 3 == 0) for task, target in likeness}
    return grid(gains), pairs(textemb=likeness, divergence=divergence, semb=drawn(2), format=same)


def test_a_planted_relation_is_found_and_chooses_without_loss() -> None:
    answer = conclude(*planted(), draws=499)
    found = {one.name: one for one in answer.findings}
    for name in ("textemb", "divergence"):
        estimate = found[name].estimate
        assert estimate is not None
        assert estimate.value == pytest.approx(1)
        assert (estimate.n, estimate.significant) == (8, True)
        assert "; found after Holm" in found[name].text
        lost = found[f"regret-{name}"].estimate
        assert lost is not None
        assert lost.value == pytest.approx(0)
    assert "; not found after Holm" in found["semb"].text
    assert "textemb (mean rho 1.00)" in answer.summary
    assert "semb" not in answer.summary
    assert "cka, " in next(one for one in answer.caveats if one.startswith("Not measured"))


def test_less_gain_for_more_similar_tasks_is_said_with_its_sign() -> None:
    likeness = drawn(1)
    gains = grid({place: -0.2 * value for place, value in likeness.items()})
    summary = conclude(gains, pairs(textemb=likeness), draws=499).summary
    assert "The more similar a task by textemb (mean rho -1.00), the less it brings" in summary


def test_not_found_is_not_called_absent_and_its_limit_is_said() -> None:
    summary = conclude(planted()[0], pairs(semb=drawn(2)), draws=199).summary
    assert summary.startswith("No measure of semantic similarity is shown to predict the gain")
    assert f"8 tasks show only a correlation of {detectable_correlation(8)} or more" in summary


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
    answer = conclude(*planted(), draws=199)
    assert "the best of the 4 measures on these very targets" in answer.summary
    finding = next(one for one in answer.findings if one.name == "regret-of-chosen-measure")
    assert finding.estimate is not None
    assert (finding.estimate.value, finding.estimate.n) == (pytest.approx(0), 3)


def test_what_recommend_loses_on_held_out_targets_is_beside_the_references() -> None:
    """Tasks are worth the same on all five targets: the others tell, and chance does not."""
    worth = {
        (task, target): 0.02 * place + 0.001 * (target == "t0")
        for place, task in enumerate(TASKS)
        for target in (f"t{number}" for number in range(5))
    }
    answer = conclude(grid(worth), pairs(textemb=worth), draws=199)
    table = frame(answer, "recommend")
    assert table.groupby("way").size().tolist() == [5, 5, 5]
    ways = table.groupby("way")["regret_1"].mean()
    assert ways["recommend"] == ways["best on the other targets"] == pytest.approx(0)
    by_choice = frame(answer, "measures").set_index("measure").loc["other-targets"]
    assert ways["best on the other targets"] == by_choice["regret1"]
    assert ways["random choice"] == pytest.approx(by_choice["regret1_by_chance"])
    finding = next(one for one in answer.findings if one.name == "regret-recommend")
    assert finding.text.startswith("For a target that is held out, following `recommend` loses 0.0")
    few = next(one for one in conclude(*planted(), draws=199).findings
               if one.name == "regret-recommend")  # fmt: skip
    assert "3 of at least 4" in few.text


def test_tables_and_figures_show_each_target_language_and_measure() -> None:
    gains, table = planted()
    answer = conclude(gains, table, draws=199)
    measures = frame(answer, "measures").set_index("measure")
    assert measures.loc["textemb", "given_format"] == pytest.approx(1)
    assert measures.loc["semb", "regret1_by_chance"] > measures.loc["semb", "regret3_by_chance"]
    assert np.isnan(measures.loc["other-targets", "rho_p"])
    languages = frame(answer, "languages")
    assert set(languages["language"]) == set(LANGUAGES)
    assert languages.loc[languages["measure"] == "textemb", "rho"].min() == pytest.approx(1)
    rows = frame(answer, "associations").set_index(["measure", "target"])
    assert rows.loc[("divergence", "two"), "spearman"] == pytest.approx(1)
    correlation, lost = answer.figures
    assert correlation.series[0].labels[:3] == ("textemb", "semb", "divergence")
    assert len(lost.series[1].y) == len(lost.series[0].y)
    assert len(frame(answer, "pairs")) == 24


def test_too_few_tasks_are_said_in_words() -> None:
    few = {(task, "one"): 0.1 * place for place, task in enumerate(TASKS[:4])}
    answer = conclude(grid(few), pairs(textemb=few))
    assert answer.summary.startswith("Not answered: too few points for a conclusion: 4 of at least")
    assert answer.figures == ()
    assert "no target has gains" in conclude(grid(few), pairs(textemb={})).summary
    assert conclude(grid(few), pairs(size={("task0", "one"): 1.0})).summary == (
        "Not answered: not measured."
    )


def test_a_diverged_run_leaves_its_task_out_of_the_mean_and_is_named() -> None:
    gains, _ = planted()
    values = {(row[0], row[1]): row[7] for row in gains.table.itertuples(index=False)}
    broken = grid(values, {("task3", "two"): RunState.DIVERGED})
    answer = conclude(broken, pairs(textemb=values), draws=199)
    assert "task3 is left out on two: diverged (seed 0)." in answer.caveats
    assert any("In no mean correlation" in one and "task3" in one for one in answer.caveats)
    rows = frame(answer, "associations").set_index(["measure", "target"])["n"]
    assert (rows["textemb", "one"], rows["textemb", "two"]) == (8, 7)
    estimate = answer.findings[0].estimate
    assert estimate is not None
    assert estimate.n == 7


@pytest.mark.parametrize("studies", [20, pytest.param(2000, marks=pytest.mark.heavy)])
def test_null_measures_are_found_at_most_at_alpha(studies: int) -> None:
    """Tasks that help do so on all three targets: these are not three independent tests."""
    found = 0
    for study in range(studies):
        draw = np.random.default_rng(study)
        help_, size = draw.normal(0, 0.05, 8), draw.random(8)
        gains = help_[:, None] + draw.normal(0, 0.01, (8, 3))
        found += associate_over_targets(np.tile(size[:, None], 3), gains, draws=199).significant
    assert found <= 0.05 * studies + 3 * (studies * 0.05 * 0.95) ** 0.5


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
    table = pd.DataFrame(rows, columns=[*PLACE, "value"])

    def value(measure: str, target: str = "one", language: str = "") -> float:
        return float(predicted_by(table, measure, [target], language).loc["a", target])

    assert value("divergence") == pytest.approx(-0.3)
    assert value("divergence", language="de") == pytest.approx(-0.2)
    assert value("divergence", language="th") == pytest.approx(-0.9)
    assert value("divergence", "one (layer 7, mean)") == pytest.approx(-0.3)
    assert value("size-rule") == value("size-rule", language="de") == 100
    assert value("textemb") == 0.5
    assert np.isnan(value("cka"))
    assert predicted_by(table, "divergence", ["two"]).isna().all(axis=None)


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
    assert "equal on one side" in associate_over_targets(np.ones((9, 3)), y).note
    with pytest.raises(ValueError, match="one shape"):
        associate_over_targets(x, y[:, :2])


def test_an_effect_on_every_target_by_chance_of_the_tasks_alone_is_one_test() -> None:
    """Eight targets that are copies of one have its p value, not an eighth as much doubt."""
    draw = np.random.default_rng(0)
    x, y = draw.random((7, 1)), draw.random((7, 1))
    once, copied = (associate_over_targets(np.tile(x, k), np.tile(y, k)) for k in (1, 8))
    assert copied.p == pytest.approx(once.p)
    assert copied.low == pytest.approx(once.low)
