"""The study `reasoning`: planted effects are significant, null ones are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from xstilts.analysis.gains import compute_gains
from xstilts.analysis.run_states import RunState
from xstilts.analysis.task_gains import gains_by_task
from xstilts.statistics.block_effects import remove_block_effects
from xstilts.studies.base import OWN
from xstilts.studies.equal_budget import EQUAL
from xstilts.studies.reasoning import STUDY, TARGETS, TASKS, ReasoningAnalysis
from xstilts.studies.result import Significance
from xstilts.studies.study_data import read_data
from xstilts.testing.answers import estimate_of, table_of
from xstilts.testing.planted import Planted, experiment

OURS = ("hellaswag", "cosmosqa", "socialiqa", "piqa", "winogrande")
OTHERS = ("mnli", "qqp", "squad-v1", "ccg", "conll2000")
ALL = ("xcopa", "xwinograd", "mgsm-choice", "xnli", "pan-x")
LOADED = experiment(("none", *OURS, *OTHERS, "mnli+qqp"), ALL)


def planted(
    everywhere: float = 0.0, on_reasoning: float = 0.0, numbers: float = 0.0
) -> Callable[[str, str], float]:
    def gain(setting: str, target: str) -> float:
        if setting not in OURS:
            return 0.0
        return everywhere + on_reasoning * (target in TARGETS) + numbers * (target == "mgsm-choice")

    return gain


def test_a_larger_gain_on_reasoning_targets_is_told_from_one_everywhere() -> None:
    answer = STUDY.answer(Planted(LOADED, planted(0.02, 0.05)).evidence())
    key, more = estimate_of(answer, "reasoning-targets"), estimate_of(answer, "interaction")
    assert key.low < 7 < key.high
    assert more.low < 5 < more.high
    assert key.significant
    assert more.significant
    assert estimate_of(answer, "interaction-mixed").value == pytest.approx(more.value, abs=0.2)
    everywhere = STUDY.answer(Planted(LOADED, planted(0.07)).evidence())
    assert estimate_of(everywhere, "all-targets").significant
    assert not estimate_of(everywhere, "interaction").significant


def test_the_target_that_is_not_about_language_has_its_own_contrast() -> None:
    answer = STUDY.answer(Planted(LOADED, planted(numbers=0.06)).evidence())
    alone = estimate_of(answer, "non-linguistic")
    assert alone.low < 6 < alone.high
    figure = answer.figures[0]
    assert figure.ticks == ("reasoning", "not about language", "other")
    assert [series.name for series in figure.series] == ["reasoning tasks", "other tasks"]
    assert figure.series[0].y[1] - figure.series[1].y[1] == pytest.approx(alone.value)


def test_means_of_groups_have_no_p_value_with_one_seed() -> None:
    for seeds, tested in (((0, 1), True), ((0,), False)):
        answer = STUDY.answer(Planted(LOADED, planted(0.05), seeds=seeds).evidence())
        table = table_of(answer, "targets")
        assert table["p"].notna().all() == table["p"].notna().any() == tested
        assert table["low"].notna().all()


def test_null_effects_are_not_significant() -> None:
    answers = [STUDY.answer(Planted(LOADED, planted(), seed=k).evidence()) for k in range(5)]
    hits = [estimate_of(one, "reasoning-targets").significant for one in answers]
    assert sum(hits) <= 1
    assert "not significant" in answers[hits.index(False)].summary


def test_failed_and_missing_runs_are_excluded_and_named() -> None:
    states = {
        ("piqa", "xnli"): RunState.DIVERGED,
        ("qqp", "xcopa"): RunState.COLLAPSED,
        ("none", "pan-x"): RunState.DIVERGED,
        ("socialiqa", "xcopa"): RunState.SAME_DATA,
    }
    one = Planted(LOADED, planted(0.05), states=states, missing=frozenset({("ccg", "xwinograd")}))
    answer = STUDY.answer(one.evidence())
    assert estimate_of(answer, "all-targets").n == 7
    assert "left out, gains are missing: ccg, piqa, qqp" in estimate_of(answer, "all-targets").note
    said = "\n".join(answer.caveats)
    for words in (
        f"{', '.join((*OURS, *OTHERS))} are left out on pan-x: the baseline diverged (seed 0)",
        "socialiqa is left out on xcopa: it contains the target's own training data",
        "piqa is left out on xnli: diverged (seed 0), diverged (seed 1)",
        "qqp is left out on xcopa: collapsed",
        "ccg is left out on xwinograd: 8 of 8 scores are missing",
    ):
        assert words in said
    table = next(table.frame for table in answer.tables if table.name == "tasks")
    assert "mnli+qqp" not in set(table["task"])
    assert np.isnan(table.set_index("task").loc["socialiqa", "xcopa"])


def test_a_task_without_the_hard_target_is_not_helped_by_that() -> None:
    """xwinograd loses 20 points after every task; piqa has no gain there."""

    def gain(setting: str, target: str) -> float:
        return -0.2 * (target == "xwinograd") * (setting != "none")

    one = Planted(LOADED, gain, states={("piqa", "xwinograd"): RunState.SAME_DATA}, noise=1e-4)
    table = gains_by_task(compute_gains(one.frame(), one.cells()), {*OURS, *OTHERS})
    raw, fair = (
        rows.groupby("task")["gain"].mean() for rows in (table, remove_block_effects(table))
    )
    assert raw["piqa"] - raw["mnli"] == pytest.approx(0.04, abs=0.01)
    assert fair["piqa"] - fair["mnli"] == pytest.approx(0, abs=0.002)
    whole = table[table["target"] != "xwinograd"]
    raw, fair = (
        rows.groupby("task")["gain"].mean() for rows in (whole, remove_block_effects(whole))
    )
    assert np.diff(raw) == pytest.approx(np.diff(fair))


def test_too_few_tasks_and_no_targets_are_not_enough_data() -> None:
    few = experiment(("none", "piqa", "mnli", "qqp"), ("xcopa",))
    answer = STUDY.answer(Planted(few, planted(0.1)).evidence())
    assert "not enough data" in answer.summary
    assert "too few tasks in a group for a conclusion: 1 of at least 2" in answer.summary
    assert math.isnan(estimate_of(answer, "interaction").value)
    none = STUDY.answer(Planted(experiment(("none",), ("xnli",)), planted()).evidence())
    assert "no such gains in this experiment" in none.summary
    assert none.figures == ()


def test_equal_budget_is_a_variant_of_the_same_tasks() -> None:
    loaded = experiment(
        ("none", *OURS, "copa", *OTHERS, "mnli+qqp"), ALL, limits={"train": 20_000, "dev": 500}
    )
    variant = STUDY.needs(loaded).variants[EQUAL].experiment
    assert variant.intermediate == ("none", *OURS, *OTHERS)
    limits = {variant.task_limits[name].train for name in (*OURS, *OTHERS)}
    assert limits == {8_936}  # CoNLL-2000, the smallest of at least 1,000
    assert variant.targets == loaded.experiment.targets
    equal = experiment(("none", *OURS, *OTHERS), ALL, limits={"train": 2_000})
    assert STUDY.needs(equal).variants == {}
    assert STUDY.needs(experiment(("none", "piqa", *OTHERS), ALL)).variants == {}
    assert STUDY.needs(experiment((*OURS, *OTHERS), ALL)).variants == {}


def test_a_limit_below_a_thousand_does_not_prevent_an_equal_budget() -> None:
    """COPA has 400 examples of the 500 that the others may have; with a limit of 64 all agree."""
    loaded = experiment(("none", *OURS, "copa", *OTHERS), ALL, limits={"train": 500})
    settings = ("none", *OURS, *OTHERS)
    uneven = {"task_limits": {"piqa": {"train": 450}}, "limits": {"train": 300}}
    variant = STUDY.needs(experiment(settings, ALL, **uneven)).variants[EQUAL].experiment
    assert variant.intermediate == settings
    assert {variant.task_limits[name].train for name in (*OURS, *OTHERS)} == {300}
    assert STUDY.needs(loaded).variants == {}  # all that have enough have 500
    equal = experiment(("none", *OURS, "copa", *OTHERS), ALL, limits={"train": 64})
    assert STUDY.needs(equal).variants == {}


def test_holm_corrects_the_four_questions_and_not_the_mixed_models() -> None:
    evidence = Planted(LOADED, planted(0.02, 0.05)).evidence()
    ours = [name for name in OURS if name in TASKS]
    analysis = ReasoningAnalysis(read_data(evidence, (*OURS, *OTHERS), ours))
    results = {one.name: one for one in analysis.contrasts}
    tested = [one for name, one in results.items() if not name.endswith("-mixed")]
    assert len(tested) == 4
    smallest = min(tested, key=lambda one: one.estimate.p)
    assert smallest.p_adjusted == pytest.approx(min(4 * smallest.estimate.p, 1))
    assert math.isnan(results["interaction-mixed"].p_adjusted)
    assert results["interaction-mixed"].significant
    harsh = replace(results["reasoning-targets"], p_adjusted=0.5)
    assert harsh.estimate.significant
    assert harsh.significance is Significance.NOT_SIGNIFICANT


def test_a_contrast_that_is_not_significant_comes_with_its_power() -> None:
    evidence = Planted(LOADED, planted()).evidence()
    key = ReasoningAnalysis(read_data(evidence, (*OURS, *OTHERS), OURS)).contrast("all-targets")
    found = key.estimate
    error = (found.high - found.low) / 2 / stats.t.ppf(0.975, found.n - 2)
    shifted = stats.nct(found.n - 2, key.power / error)
    assert shifted.sf(stats.t.ppf(0.975, found.n - 2)) == pytest.approx(0.8, abs=0.05)
    text = next(one.text for one in STUDY.answer(evidence).findings if one.name == key.name)
    assert f"80 % power from {key.power:.1f} points" in text
    few = experiment(("none", "piqa", "copa", "mnli", "qqp"), ALL)
    data = read_data(Planted(few, planted()).evidence(), ("piqa", "copa", "mnli", "qqp"), TASKS)
    assert math.isinf(ReasoningAnalysis(data).contrast("all-targets").power)


def test_the_mean_gain_names_the_task_that_is_not_in_it() -> None:
    one = Planted(LOADED, planted(0.05), states={("piqa", "xcopa"): RunState.DIVERGED})
    gain = estimate_of(STUDY.answer(one.evidence()), "gain")
    assert (gain.n, gain.note) == (4, "left out, gains are missing: piqa")


def test_no_scores_yet_are_told_from_no_such_targets() -> None:
    evidence = Planted(LOADED, planted()).evidence()
    empty = replace(evidence, results={OWN: evidence.results[OWN].iloc[:0]})
    assert "no run on them has a score yet" in STUDY.answer(empty).summary


def test_the_answer_is_about_the_equal_budget_where_there_is_one() -> None:
    smaller = experiment(("none", *OURS, *OTHERS), ALL)
    equal = Planted(smaller, planted(0.06), steps=dict.fromkeys((*OURS, *OTHERS), 100))
    unequal = Planted(experiment(("none", *OURS, "copa", *OTHERS), ALL), planted(0.0))
    answer = STUDY.answer(unequal.evidence(equal_budget=equal))
    assert estimate_of(answer, "all-targets").low < 6 < estimate_of(answer, "all-targets").high
    assert not estimate_of(answer, "as-written").significant
    said = "\n".join(answer.caveats)
    assert "left out, with fewer than 1,000: copa" in said
    assert "same number of steps" not in said
    steps = Planted(LOADED, planted(), steps={"piqa": 10, "mnli": 1_000})
    said = "\n".join(STUDY.answer(steps.evidence()).caveats)
    assert "not trained for the same number of steps: piqa 10, mnli 1,000" in said
