"""The study `scaling`: planted curves and values are recovered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.mixed_runs import Aspect, MixedRuns
from xstilts.analysis.results import COLUMNS, facts_in, results_frame
from xstilts.analysis.run_states import NO_STATES, RunState
from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import CompiledPlan, ResultCell, compile_experiment
from xstilts.planning.variants import make_variant
from xstilts.studies.base import Answer, Evidence
from xstilts.studies.render import NO_SCORES
from xstilts.studies.result import Result
from xstilts.studies.scaling import STUDY
from xstilts.studies.scaling.analysis import ScalingAnalysis
from xstilts.studies.scaling.budgets import Budget
from xstilts.studies.scaling.design import MORE_TASKS, designed
from xstilts.studies.scaling.scores import TargetScores, target_scores
from xstilts.testing.answers import table_of
from xstilts.testing.planted import with_state
from xstilts.testing.scaling import SIX, compiled, experiment


@pytest.fixture(scope="module")
def six(toy_file: Path) -> LoadedExperiment:
    return experiment(toy_file, SIX, like="toy-same")


def test_a_task_that_turns_out_too_small_is_left_out_and_named(
    six: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    given, design = evidence(six, compiled(toy_file, SIX), tmp_path, planted), designed(six)
    (point,) = design.groups[0].on_curve("two", 6)
    budgets = [Budget(point, 50.0, 6.0)]
    found, texts = target_scores(given, design, budgets)
    assert any(one.startswith("two (96 examples) is left out") and "50" in one for one in texts)
    assert all(one.sizes("two") == [1, 2, 4] for one in found)
    declared = replace(design, unknown=())
    found, _ = target_scores(given, declared, budgets)
    assert all(one.sizes("two") == [1, 2, 4, 6] for one in found)


# what is answered, on planted scores

LANGUAGES = tuple(f"l{number}" for number in range(8))
WORTH = dict(zip(SIX, (0.03, 0.01, 0.0, 0.0, -0.01, -0.03), strict=True))
Truth = Callable[[bool, int, tuple[str, ...]], float]
"""(of more tasks, units of 16 examples, tasks) → expected score."""


def planted(more: bool, size: int, tasks: tuple[str, ...]) -> float:
    """A single task has one score on both curves; the two meet at three units."""
    if not tasks:
        return 0.4
    if more:
        return 0.8 - 0.3 * size**-0.7 + sum(WORTH[task] for task in tasks)
    return 0.67 - 0.17 / size**2 + WORTH[tasks[0]]


def alike(more: bool, size: int, tasks: tuple[str, ...]) -> float:
    """It does not matter whether tasks or data grow, or which."""
    return 0.7 - 0.2 / size if tasks else 0.4


def evidence(
    loaded: LoadedExperiment,
    found: dict[str, CompiledPlan],
    folder: Path,
    truth: Truth,
    seed: int = 0,
) -> Evidence:
    """Scores as planted for both targets in eight languages; dev prefers task `two`."""
    noise = np.random.default_rng(seed)
    level = {language: noise.normal(0, 0.05) for language in LANGUAGES}
    cells: dict[str, tuple[ResultCell, ...]] = {}
    frames, dev, known = {}, {}, {}
    for name, one in found.items():
        cells[name] = tuple(
            replace(cell, language=language, key=f"{cell.key} {language}")
            for cell in one.cells
            if cell.language == "xx"
            for language in LANGUAGES
        )
        rows = []
        for cell in cells[name]:
            size = int(name.split("-")[1]) if name.startswith("data") else 1
            tasks = () if cell.intermediate == "none" else tuple(cell.intermediate.split("+"))
            # a single task with one unit is on both curves: it is scored as one of a mixture
            expected = truth(not name.startswith("data"), max(size, len(tasks)), tasks)
            value = known.setdefault(
                cell.key, expected + level[cell.language] + noise.normal(0, 0.004)
            )
            rows.append((cell.encoder, cell.intermediate, cell.target, cell.language, cell.split,
                         cell.seed, cell.metrics[0], value, 100, cell.key, NO_STATES))  # fmt: skip
            dev[(*cell.trained_by, "")[-2 if cell.trained_by else 0]] = {
                "dev_mean": 0.9 if tasks == ("two",) else 0.8
            }
        frames[name] = pd.DataFrame(rows, columns=list(COLUMNS))
    return Evidence(loaded, Store(folder), cells, frames, (), dev.get)


@pytest.fixture(scope="module")
def answered(
    six: LoadedExperiment, toy_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Answer:
    folder = tmp_path_factory.mktemp("empty")
    return STUDY.answer(evidence(six, compiled(toy_file, SIX), folder, planted))


def test_a_planted_difference_is_found_at_the_largest_budget(answered: Answer) -> None:
    frame = table_of(answered, "equal-budget")
    assert set(frame["target"]) == {"mean of the targets", "toy-kind", "toy-search"}
    assert set(frame.loc[frame["chosen"], "one task"]) == {"two"}
    last = frame[frame["chosen"] & (frame["tasks"] == 6)]
    truth = planted(True, 6, SIX) - planted(False, 6, ("two",))
    one = last[last["target"] == "toy-search"].iloc[0]
    assert one["low"] < truth < one["high"]
    assert one["p_holm"] < 0.05
    assert "Significant differences by target: toy-kind (+" in answered.summary


def test_mixed_runs_at_points_of_the_design_are_noted(
    six: LoadedExperiment,
    toy_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mixed(*_: object) -> tuple[MixedRuns, ...]:
        values, settings = frozenset({"CPU", "H100"}), ("one", "elsewhere")
        groups = {("encoder", setting, "toy-kind"): values for setting in settings}
        return (MixedRuns(Aspect.DEVICE, groups, "and its baseline"),)

    monkeypatch.setattr("xstilts.studies.study_data.mixed_gains", mixed)
    found = STUDY.answer(evidence(six, compiled(toy_file, SIX), tmp_path, planted))
    (note,) = (text for text in found.caveats if "different kinds of device" in text)
    assert note.startswith("toy-kind after one and its baseline were")


def test_a_doubling_is_worth_what_was_planted(answered: Answer) -> None:
    frame = table_of(answered, "doublings").set_index(["target", "curve", "from", "to"])
    for curve in ("one", "two", "three"):
        found = frame.loc[("toy-search", curve, 32, 64)]
        assert found["low"] < 0.17 / 4 - 0.17 / 16 < found["high"]
        assert found["low"] > 0
    found = frame.loc[("toy-search", MORE_TASKS, 16, 96)]
    assert found["gain"] == pytest.approx((0.3 - 0.3 * 6**-0.7) / np.log2(6), abs=0.01)


def test_the_planted_crossing_is_found(answered: Answer) -> None:
    frame = table_of(answered, "crossings").set_index(["target", "one task"])
    found = frame.loc[("toy-search", "two")]
    assert found["examples"] == pytest.approx(48, rel=0.15)
    assert found["low"] < 48 < found["high"]
    finding = next(one for one in answered.findings if one.name == "crossing-toy-search")
    assert finding.estimate is not None
    assert finding.estimate.value == found["examples"]


def test_shapley_values_are_the_planted_ones(answered: Answer) -> None:
    frame = table_of(answered, "shapley")
    found = frame[frame["target"] == "toy-search"].set_index("task")
    assert found.index[0] == "one"
    assert found.index[-1] == "six"
    assert found.loc["one", "orders"] == 3
    total = planted(True, 6, SIX) - 0.4
    assert found["value"].sum() == pytest.approx(total, abs=0.01)
    for task, worth in WORTH.items():  # the curve's part is shared alike
        assert found.loc[task, "low"] < total / 6 + worth < found.loc[task, "high"]


def test_figures_and_findings_are_in_points_of_100(answered: Answer) -> None:
    budget, shares = answered.figures
    assert budget.logarithmic
    assert {one.name for one in budget.series} >= {MORE_TASKS, "more data of two"}
    assert all(20 < y < 100 for one in budget.series for y in one.y)
    assert shares.series[0].labels[0] == "one"
    finding = next(one for one in answered.findings if one.name == "difference-toy-search")
    assert finding.estimate is not None
    assert f"{finding.estimate.value:+.1f} points" in finding.text
    names = [one.name for one in answered.findings]
    assert len(set(names)) == len(names)


def test_the_words_of_the_study_are_the_golden_ones(
    answered: Answer, golden: Callable[[Answer], tuple[str, str]]
) -> None:
    found, expected = golden(answered)
    assert found == expected


def difference(scores: TargetScores) -> Result:
    """All six tasks against `two`."""
    return ScalingAnalysis(scores, "two", True, 16).at_largest


def test_intervals_end_where_scores_and_differences_do(
    six: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    """Seeds that differ by 90 points; Student's intervals would end far beyond."""
    one = target_scores(evidence(six, compiled(toy_file, SIX), tmp_path, planted), designed(six))[0]
    table = {}
    for point, frame in one[-1].table.items():
        ends = (0.05, 0.95) if point.curve == MORE_TASKS else (0.95, 0.05)
        table[point] = frame * 0 + np.linspace(*ends, frame.shape[1])
    wild = ScalingAnalysis(replace(one[-1], table=table), "two", True, 16)
    scores = [point.estimate for point in wild.points]
    assert {(score.low, score.high) for score in scores} == {(0.0, 1.0)}
    found = [*wild.differences.values(), *wild.doublings, *wild.contributions]
    ends = [end for one in found for end in (one.estimate.low, one.estimate.high)]
    assert (np.nanmin(ends), np.nanmax(ends)) == (-1.0, 1.0)


def test_a_diverged_run_is_named_and_left_out(
    six: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    given = evidence(six, compiled(toy_file, SIX), tmp_path, planted)
    frame = given.results["data-6"]
    lost = (frame["intermediate"] == "two") & (frame["seed"] == 1)
    frame.loc[lost, "value"] = np.nan
    given.results["data-6"] = with_state(frame, RunState.DIVERGED, lost)
    found, said = target_scores(given, designed(six))
    assert said == ["two (96 examples) is left out on toy-kind, toy-search: diverged (seed 1)."]
    for one in found:
        assert one.sizes("two") == [1, 2, 4]
        assert one.sizes("one") == [1, 2, 4, 6]
        assert difference(one).estimate.note == "no scores to compare"


def test_a_collapsed_run_is_named_and_counts(
    six: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    given = evidence(six, compiled(toy_file, SIX), tmp_path, planted)
    whole, _ = target_scores(given, designed(six))
    frame = given.results["data-6"]
    lost = (frame["intermediate"] == "two") & (frame["seed"] == 1)
    given.results["data-6"] = with_state(frame, RunState.COLLAPSED, lost)
    found, (text,) = target_scores(given, designed(six))
    assert text.startswith("Collapsed intermediate trainings")
    assert "are included" in text
    assert text.endswith(": two (96 examples).")
    for one, other in zip(found, whole, strict=True):
        assert one.sizes("two") == [1, 2, 4, 6]
        assert difference(one) == difference(other)


def test_a_collapsed_target_or_baseline_is_left_out(
    six: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    given = evidence(six, compiled(toy_file, SIX), tmp_path, planted)
    frame = given.results["data-6"]
    lost = (frame["intermediate"] == "two") & (frame["seed"] == 1)
    given.results["data-6"] = with_state(frame, RunState.COLLAPSED, lost)
    trained = {cell.trained_by[-1] for cell in given.cells["data-6"] if cell.target == "toy-kind"}
    lost = replace(
        given, facts=lambda key: {"collapsed": ["toy-kind"]} if key in trained else given.facts(key)
    )
    found, said = target_scores(lost, designed(six))
    assert "two (96 examples) is left out on toy-kind: collapsed (seed 1)." in said
    assert {one.target: one.sizes("two") for one in found}["toy-search"] == [1, 2, 4, 6]
    base = given.results["data-6"]
    hit = base["intermediate"] == "none"
    given.results["data-6"] = with_state(base, RunState.COLLAPSED, hit)
    assert any(
        "the baseline collapsed" in words for words in target_scores(given, designed(six))[1]
    )


def test_no_runs_are_not_enough_data(six: LoadedExperiment, tmp_path: Path) -> None:
    found = STUDY.answer(Evidence(six, Store(tmp_path), {}, {}, (), lambda key: None))
    assert found.summary == NO_SCORES
    assert any(one.startswith("Training sets without a finished") for one in found.caveats)


def test_three_tasks_are_too_few_for_a_curve(toy_file: Path, tmp_path: Path) -> None:
    loaded = experiment(toy_file, SIX[:3], like="toy-same")
    found = STUDY.answer(evidence(loaded, compiled(toy_file, SIX[:3]), tmp_path, planted))
    assert "too few sizes for a conclusion: 3 of at least 4" in found.summary
    assert any("too few sizes" in one for one in found.caveats)
    assert not np.isnan(table_of(found, "doublings")["gain"]).any()
    assert set(table_of(found, "shapley")["error"]) == {0.0}


def test_no_crossing_is_claimed_between_equal_curves(six: LoadedExperiment) -> None:
    """Nor between curves that part at once: they begin with the same runs."""
    (group,) = designed(six).groups

    def ahead(more: bool, size: int, tasks: tuple[str, ...]) -> float:
        return 0.7 - (0.2 if more else 0.4) / size + 0.2 * (not more)

    for truth in (alike, ahead):
        for seed in range(6):
            noise = np.random.default_rng(seed)
            tables = {
                point: pd.DataFrame(
                    truth(point.curve == MORE_TASKS, point.size, tuple(point.tasks))
                    + noise.normal(0, 0.005, (8, 2))
                )
                for point in group.points
            }
            one = TargetScores("x", group, tables, tables[group.points[0]])
            analysis = ScalingAnalysis(one, "two", True, 16)
            assert np.isnan(analysis.crossings["two"].estimate.value)


def test_a_small_study_runs_and_is_answered(toy_file: Path, tmp_path: Path) -> None:
    loaded = experiment(
        toy_file,
        ("one", "two"),
        *("seeds=[0]", "targets=[toy-search]"),
        *(f"recipes.intermediate.{one}" for one in ("epochs=2", "learning_rate=4.0e-3")),
        like="toy-tags",
    )
    loaded = make_variant(loaded, ["toy-search"], ["none", "one", "two"], {})
    found = {name: compile_experiment(one) for name, one in STUDY.needs(loaded).variants.items()}
    store = Store(tmp_path).prepare()
    for stage in Plan.of(stage for one in found.values() for stage in one.plan.stages).stages:
        execute_stage(store, stage, lambda _: None)
    cells = {name: one.cells for name, one in found.items()}
    frames = {name: results_frame(some, store) for name, some in cells.items()}
    answer = STUDY.answer(Evidence(loaded, store, cells, frames, (), facts_in(store)))
    assert answer.findings[0].text == (
        "At each budget all curves were trained on the same number of examples for the same number "
        "of optimizer steps: from 48 examples and 12 steps to 96 examples and 24 steps."
    )
    budgets = table_of(answer, "budgets")
    assert (budgets["planned"] == budgets["examples"]).all()
    assert "one language and one seed give no interval" in " ".join(answer.caveats)
