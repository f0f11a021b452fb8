"""The study `difficulty`: planted relations are found, null ones are not, gaps are said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.studies.base import OWN, Answer
from xstilts.studies.difficulty import STUDY, conclude
from xstilts.studies.difficulty.analysis import ALIKE
from xstilts.studies.task_table import PLACE
from xstilts.studies.text import NO_SCORES
from xstilts.testing.planted import Planted, experiment

LANGUAGES = ("de", "sw", "th")
SEEDS = (0, 1)


def grid(
    gains: Mapping[str, Mapping[str, float]],
    states: Mapping[tuple[str, str, int], RunState] | None = None,
    noise: float = 0.002,
) -> Gains:
    """Runs of tasks on targets in three languages and two seeds: the gain given, and noise."""
    draw = np.random.default_rng(7)
    rows = []
    targets = {target for one in gains.values() for target in one}
    for task, by_target in {"none": dict.fromkeys(sorted(targets), 0.0), **gains}.items():
        for target, gain in by_target.items():
            for language in LANGUAGES:
                for seed in SEEDS:
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
    return pd.DataFrame(rows, columns=[*PLACE, "value"])


def tasks(n: int) -> list[str]:
    return [f"task{number}" for number in range(n)]


def planted(n: int = 9, sign: int = 1) -> tuple[Gains, pd.DataFrame]:
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
    return grid(gains), table


def answered(
    gains: Gains,
    table: pd.DataFrame,
    retrieval: Sequence[str] = ("search", "mine"),
    draws: int = 499,
    **metrics: str,
) -> Answer:
    known = {str(task): "accuracy" for task in table["task"]} | metrics
    return conclude(gains, table, retrieval, known, draws)


def frame(answer: Answer, name: str) -> pd.DataFrame:
    return next(table.frame for table in answer.tables if table.name == name)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_relation_is_found_with_its_sign(sign: int) -> None:
    answer = answered(*planted(sign=sign))
    found = {one.name: one for one in answer.findings}
    estimate = found["accuracy"].estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(sign, abs=0.05)
    assert estimate.n == 9
    assert f"help retrieval {'more' if sign > 0 else 'less'}" in answer.summary
    assert "; found after Holm" in found["accuracy"].text
    assert "; not found after Holm" in found["variability"].text
    assert "confidence" not in found
    assert any("Not measured" in one and "confidence" in one for one in answer.caveats)
    given = found["accuracy-given-size-and-length"].estimate
    assert given is not None
    assert given.value == pytest.approx(sign, abs=0.2)


def test_tables_and_figures_hold_the_points() -> None:
    answer = answered(*planted())
    table = frame(answer, "associations-retrieval")
    assert set(table["target"]) == {"all", "search", "mine"}
    trained = frame(answer, "associations-trained")
    assert set(trained["target"]) == {"all"}
    points = frame(answer, "tasks")
    assert points.loc[3, "gain search"] == pytest.approx(0.06, abs=0.005)
    assert points.loc[3, "accuracy"] == pytest.approx(0.62)
    figure, by_target = answer.figures
    (series,) = figure.series
    assert series.labels == tuple(tasks(9))
    assert series.y[3] == pytest.approx(4.5, abs=0.3)
    assert np.all(np.array(series.low) < series.y)
    assert np.all(np.array(series.high) > series.y)
    assert [one.name for one in by_target.series] == ["search", "mine"]
    needed = frame(answer, "tasks-needed").set_index("correlation")
    assert needed.loc[0.3, "tasks (Spearman)"] > needed.loc[0.7, "tasks (Spearman)"] > 9


def test_influence_names_the_task_that_the_correlation_hangs_on() -> None:
    gains = {task: {"search": 0.02 * place} for place, task in enumerate(tasks(7))}
    accuracy = {task: 0.5 + 0.04 * place for place, task in enumerate(tasks(7))}
    accuracy["task0"] = 0.99
    answer = answered(grid(gains), measures(accuracy=accuracy), ["search"])
    text = next(one.text for one in answer.findings if one.name == "influence")
    assert "most is task0: without it rho is 1.00" in text
    assert frame(answer, "influence").iloc[0]["task"] == "task0"


def test_too_few_tasks_are_said_in_words() -> None:
    answer = answered(*planted(4))
    assert answer.summary == "Not answered: too few points for a conclusion: 4 of at least 5."
    assert all(one.estimate is None or not one.estimate.significant for one in answer.findings)
    assert frame(answer, "influence").empty


def test_no_retrieval_target_no_measure_and_no_gain_are_said() -> None:
    gains, table = planted()
    assert "has no retrieval target" in answered(gains, table, []).summary
    assert "no intermediate task has a gain" in answered(gains, table.iloc[:0]).summary
    unmeasured = table[table["measure"] != "accuracy"]
    assert answered(gains, unmeasured).summary == "Not answered: not measured."


def test_not_found_is_not_called_absent() -> None:
    gains, table = planted()
    guessed = table.copy()
    guessed.loc[guessed["measure"] == "accuracy", "value"] = table.loc[
        table["measure"] == "variability", "value"
    ].to_numpy()
    summary = answered(gains, guessed).summary
    assert summary.startswith("Dev scores of intermediate tasks are not shown to predict their")
    assert "No other measure of difficulty is shown to do so" in summary
    assert "9 tasks show only a correlation of" in summary


def test_no_scores_yet_are_told_from_no_retrieval_target() -> None:
    planned = Planted(experiment(("none", "mnli"), ("tatoeba", "xnli")), lambda *_: 0.0).evidence()
    empty = replace(planned, results={OWN: planned.results[OWN].iloc[:0]})
    assert STUDY.answer(empty).summary == NO_SCORES
    trained = planned.results[OWN]["target"] == "xnli"
    half = replace(planned, results={OWN: planned.results[OWN][trained]})
    assert STUDY.answer(half).summary == NO_SCORES
    without = Planted(experiment(("none", "mnli"), ("xnli",)), lambda *_: 0.0).evidence()
    assert "has no retrieval target" in STUDY.answer(without).summary


def test_a_diverged_run_leaves_its_task_out_and_is_named() -> None:
    gains = {task: {"search": 0.02 * place} for place, task in enumerate(tasks(8))}
    gains["task7"] = {"search": -0.5}
    broken = grid(gains, {("task7", "search", 1): RunState.DIVERGED})
    table = measures(accuracy={task: 0.5 + 0.04 * place for place, task in enumerate(tasks(8))})
    answer = answered(broken, table, ["search"])
    estimate = answer.findings[0].estimate
    assert estimate is not None
    assert (estimate.n, estimate.value) == (7, pytest.approx(1))
    assert "task7 is left out on search: diverged (seed 1)." in answer.caveats


def test_scores_of_different_metrics_are_kept_apart_and_named() -> None:
    gains, table = planted()
    answer = answered(gains, table, task8="qa_mean", task7="span_f1")
    found = {one.name: one.estimate for one in answer.findings}
    whole, alike = found["accuracy"], found[ALIKE]
    assert whole is not None
    assert alike is not None
    assert (whole.n, alike.n) == (9, 7)
    assert any("not comparable" in one and "qa_mean: task8" in one for one in answer.caveats)
    assert ALIKE not in {one.name for one in answered(gains, table).findings}


@pytest.mark.parametrize("studies", [5, pytest.param(300, marks=pytest.mark.heavy)])
def test_null_relations_are_found_at_most_at_alpha(studies: int) -> None:
    """Languages and seeds of a task agree, three measures are looked at: neither adds points."""
    found = 0
    for study in range(studies):
        draw = np.random.default_rng(study)
        gains = {task: {"search": float(draw.normal(0, 0.02))} for task in tasks(8)}
        names = ("accuracy", "confidence", "variability")
        table = {name: {task: float(draw.random()) for task in tasks(8)} for name in names}
        answer = answered(grid(gains), measures(**table), ["search"], draws=199)
        found += any("; found after Holm" in one.text for one in answer.findings)
    assert found <= 0.05 * studies + 3 * (studies * 0.05 * 0.95) ** 0.5
