"""The study `difficulty`: planted correlations are significant, null ones are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.measures_table import COLUMNS as MEASURE_COLUMNS
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.studies import render
from xstilts.studies.base import OWN, Answer
from xstilts.studies.correlation_engine import ONE_SEED_EACH
from xstilts.studies.difficulty import NO_GAIN, NO_RETRIEVAL, SAME_METRIC, STUDY, DifficultyAnalysis
from xstilts.studies.result import Result, Significance
from xstilts.studies.study_data import StudyData
from xstilts.testing.answers import estimate_of, table_of
from xstilts.testing.planted import Planted, experiment

LANGUAGES = ("de", "sw", "th")
SEEDS = (0, 1)


def grid(
    gains: Mapping[str, Mapping[str, float]],
    states: Mapping[tuple[str, str, int], RunState] | None = None,
    noise: float = 0.002,
    seeds: Sequence[int] = SEEDS,
) -> Gains:
    """Runs of tasks on targets in three languages and all seeds: the gain given, and noise."""
    draw = np.random.default_rng(7)
    rows = []
    targets = {target for one in gains.values() for target in one}
    for task, by_target in {"none": dict.fromkeys(sorted(targets), 0.0), **gains}.items():
        for target, gain in by_target.items():
            for language in LANGUAGES:
                for seed in seeds:
                    held = frozenset(filter(None, [(states or {}).get((task, target, seed))]))
                    value = 0.4 + gain + noise * draw.standard_normal() * (task != "none")
                    value = float("nan") if RunState.DIVERGED in held else value
                    rows.append(
                        ("e", task, target, language, "test", seed, "m", value, 9, "k", held)
                    )
    return compute_gains(pd.DataFrame(rows, columns=list(COLUMNS)))


def measures(**values: Mapping[str, float]) -> pd.DataFrame:
    """Measure → task → value, as a table of measures; two seeds each."""
    rows = [
        (name.replace("_", "-"), task, "", "", seed, value)
        for name, by_task in values.items()
        for task, value in by_task.items()
        for seed in SEEDS
    ]
    return pd.DataFrame(rows, columns=list(MEASURE_COLUMNS))


def tasks(n: int) -> list[str]:
    return [f"task{number}" for number in range(n)]


def planted(n: int = 9, sign: int = 1, seeds: Sequence[int] = SEEDS) -> tuple[Gains, pd.DataFrame]:
    """Accuracy decides the gain on two retrieval targets; variability has nothing to do with it."""
    draw = np.random.default_rng(3)
    gains = {
        task: {"search": 0.02 * sign * place, "mine": 0.01 * sign * place, "trained": 0.03}
        for place, task in enumerate(tasks(n))
    }
    table = measures(
        accuracy={task: 0.5 + 0.04 * place for place, task in enumerate(tasks(n))},
        variability={task: float(draw.random()) for task in tasks(n)},
        size={task: float(draw.integers(100, 900)) for task in tasks(n)},
        length={task: float(draw.integers(5, 90)) for task in tasks(n)},
    )
    return grid(gains, seeds=seeds), table


def analysis(
    gains: Gains,
    table: pd.DataFrame,
    retrieval: Sequence[str] = ("search", "mine"),
    draws: int = 499,
    **metrics: str,
) -> DifficultyAnalysis:
    data = StudyData(gains, tuple(dict.fromkeys(table["task"])), measures=table)
    known = {str(task): "accuracy" for task in table["task"]} | metrics
    return DifficultyAnalysis(data, retrieval, known, draws)


def answered(found: DifficultyAnalysis) -> Answer:
    return render.answer("difficulty", "", [found])


def by_name(found: DifficultyAnalysis) -> dict[str, Result]:
    return {result.name: result for result in found.results}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_correlation_is_significant_with_its_sign(sign: int) -> None:
    found = analysis(*planted(sign=sign))
    results, answer = by_name(found), answered(found)
    assert results["accuracy"].estimate.value == pytest.approx(sign, abs=0.05)
    assert results["accuracy"].estimate.n == 9
    assert results["accuracy"].significant
    assert results["variability"].significance is Significance.NOT_SIGNIFICANT
    assert estimate_of(answer, "accuracy") == results["accuracy"].estimate
    given = estimate_of(answer, "accuracy-given-size-and-length")
    assert given.value == pytest.approx(sign, abs=0.2)


def test_nothing_of_one_seed_is_called_significant() -> None:
    for seeds, limited in (((0,), True), ((0, 1), False)):
        answer = answered(analysis(*planted(seeds=seeds)))
        texts = [one.text for one in answer.findings if "p = " in one.text or "p <" in one.text]
        assert texts
        assert all((ONE_SEED_EACH in text) is limited for text in (*texts, answer.summary))
        assert all(("significant" in text.lower()) is not limited for text in texts)


def test_a_measure_that_was_not_taken_has_no_finding_but_a_caveat() -> None:
    answer = answered(analysis(*planted()))
    assert "confidence" not in {one.name for one in answer.findings}
    assert any(one.startswith("Not measured: ") and "confidence" in one for one in answer.caveats)


def test_tables_and_figures_contain_all_tasks() -> None:
    answer = answered(analysis(*planted()))
    table = table_of(answer, "associations-retrieval")
    assert set(table["target"]) == {"all", "search", "mine"}
    trained = table_of(answer, "associations-trained")
    assert set(trained["target"]) == {"all"}
    points = table_of(answer, "tasks")
    assert points.loc[3, "gain search"] == pytest.approx(0.06, abs=0.005)
    assert points.loc[3, "accuracy"] == pytest.approx(0.62)
    figure, by_target = answer.figures
    (series,) = figure.series
    assert series.labels == tuple(tasks(9))
    assert series.y[3] == pytest.approx(4.5, abs=0.3)
    assert np.all(np.array(series.low) < series.y)
    assert np.all(np.array(series.high) > series.y)
    assert [one.name for one in by_target.series] == ["search", "mine"]
    needed = table_of(answer, "tasks-needed").set_index("correlation")
    assert needed.loc[0.3, "tasks (Spearman)"] > needed.loc[0.7, "tasks (Spearman)"] > 9


def test_influence_names_the_task_whose_removal_changes_the_correlation_most() -> None:
    gains = {task: {"search": 0.02 * place} for place, task in enumerate(tasks(7))}
    accuracy = {task: 0.5 + 0.04 * place for place, task in enumerate(tasks(7))}
    accuracy["task0"] = 0.99
    answer = answered(analysis(grid(gains), measures(accuracy=accuracy), ["search"]))
    most = table_of(answer, "influence").iloc[0]
    assert (most["task"], most["rho without it"]) == ("task0", pytest.approx(1))
    text = next(one.text for one in answer.findings if one.name == "influence")
    assert "task0" in text
    assert "1.00" in text


def test_four_tasks_are_not_enough_data() -> None:
    found = analysis(*planted(4))
    assert {one.significance for one in found.results} == {Significance.NOT_ENOUGH_DATA}
    assert by_name(found)["accuracy"].estimate.note.endswith("4 of at least 5")
    answer = answered(found)
    assert "4 of at least 5" in answer.summary
    assert table_of(answer, "influence").empty


def test_no_retrieval_target_no_gain_and_no_measure_are_told_apart() -> None:
    gains, table = planted()
    assert analysis(gains, table, []).summary() == NO_RETRIEVAL
    assert analysis(gains, table.iloc[:0]).summary() == NO_GAIN
    unmeasured = analysis(gains, table[table["measure"] != "accuracy"])
    assert by_name(unmeasured)["accuracy"].estimate.note == "not measured"
    assert "not enough data" in unmeasured.summary()


def test_a_result_that_is_not_significant_comes_with_its_power() -> None:
    gains, table = planted()
    guessed = table.copy()
    guessed.loc[guessed["measure"] == "accuracy", "value"] = table.loc[
        table["measure"] == "variability", "value"
    ].to_numpy()
    found = analysis(gains, guessed)
    main = by_name(found)["accuracy"]
    assert main.significance is Significance.NOT_SIGNIFICANT
    assert 0.8 < main.power < 1
    assert f"80 % power from {main.power}" in found.summary()


def test_no_scores_yet_are_told_from_no_retrieval_target() -> None:
    planned = Planted(experiment(("none", "mnli"), ("tatoeba", "xnli")), lambda *_: 0.0).evidence()
    empty = replace(planned, results={OWN: planned.results[OWN].iloc[:0]})
    assert STUDY.answer(empty).summary == render.NO_SCORES
    trained = planned.results[OWN]["target"] == "xnli"
    half = replace(planned, results={OWN: planned.results[OWN][trained]})
    assert STUDY.answer(half).summary == render.NO_SCORES
    without = Planted(experiment(("none", "mnli"), ("xnli",)), lambda *_: 0.0).evidence()
    assert STUDY.answer(without).summary == NO_RETRIEVAL


def test_a_diverged_run_excludes_its_task_and_is_named() -> None:
    gains = {task: {"search": 0.02 * place} for place, task in enumerate(tasks(8))}
    gains["task7"] = {"search": -0.5}
    broken = grid(gains, {("task7", "search", 1): RunState.DIVERGED})
    table = measures(accuracy={task: 0.5 + 0.04 * place for place, task in enumerate(tasks(8))})
    found = analysis(broken, table, ["search"])
    main = by_name(found)["accuracy"].estimate
    assert (main.n, main.value) == (7, pytest.approx(1))
    assert "task7 is left out on search: diverged (seed 1)." in answered(found).caveats


def test_scores_of_different_metrics_are_kept_apart_and_named() -> None:
    gains, table = planted()
    found = analysis(gains, table, task8="qa_mean", task7="span_f1")
    results = by_name(found)
    assert (results["accuracy"].estimate.n, results[SAME_METRIC].estimate.n) == (9, 7)
    caveats = answered(found).caveats
    assert any("not comparable" in one and "qa_mean: task8" in one for one in caveats)
    assert SAME_METRIC not in by_name(analysis(gains, table))


@pytest.mark.parametrize("studies", [5, pytest.param(300, marks=pytest.mark.heavy)])
def test_null_correlations_are_significant_at_most_at_alpha(studies: int) -> None:
    """Languages and seeds of a task agree, three measures are tested: neither adds points."""
    wrong = 0
    for study in range(studies):
        draw = np.random.default_rng(study)
        gains = {task: {"search": float(draw.normal(0, 0.02))} for task in tasks(8)}
        names = ("accuracy", "confidence", "variability")
        table = {name: {task: float(draw.random()) for task in tasks(8)} for name in names}
        found = analysis(grid(gains), measures(**table), ["search"], draws=199)
        wrong += any(result.significant for result in found.results)
    assert wrong <= 0.05 * studies + 3 * (studies * 0.05 * 0.95) ** 0.5
