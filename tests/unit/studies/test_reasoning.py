"""The study `reasoning`: planted effects are found, none is found where there is none."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from xstilts.analysis.gains import compute_gains
from xstilts.analysis.run_states import RunState
from xstilts.statistics.block_effects import remove_block_effects
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import OWN, Answer
from xstilts.studies.reasoning import STUDY
from xstilts.studies.reasoning.equal_budget import EQUAL
from xstilts.studies.reasoning.task_groups import TARGETS
from xstilts.studies.task_table import gains_by_task
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


def found(answer: Answer, name: str) -> Estimate:
    estimate = next(one.estimate for one in answer.findings if one.name == name)
    assert estimate
    return estimate


def test_more_on_reasoning_targets_is_found_and_told_from_more_everywhere() -> None:
    answer = STUDY.answer(Planted(LOADED, planted(0.02, 0.05)).evidence())
    key, more = found(answer, "reasoning-targets"), found(answer, "interaction")
    assert key.low < 7 < key.high
    assert more.low < 5 < more.high
    assert key.significant
    assert more.significant
    assert found(answer, "interaction-mixed").value == pytest.approx(more.value, abs=0.2)
    assert answer.summary.startswith("English reasoning tasks help reasoning targets more than")
    everywhere = STUDY.answer(Planted(LOADED, planted(0.07)).evidence())
    assert found(everywhere, "all-targets").significant
    assert not found(everywhere, "interaction").significant


def test_a_target_that_is_not_about_language_is_looked_at_alone() -> None:
    answer = STUDY.answer(Planted(LOADED, planted(numbers=0.06)).evidence())
    alone = found(answer, "non-linguistic")
    assert alone.low < 6 < alone.high
    figure = answer.figures[0]
    assert figure.ticks == ("reasoning", "not about language", "other")
    assert [series.name for series in figure.series] == ["reasoning tasks", "other tasks"]
    assert figure.series[0].y[1] - figure.series[1].y[1] == pytest.approx(alone.value)


def test_nothing_is_found_where_nothing_is() -> None:
    answers = [STUDY.answer(Planted(LOADED, planted(), seed=k).evidence()) for k in range(5)]
    hits = [found(one, "reasoning-targets").significant for one in answers]
    assert sum(hits) <= 1
    quiet = answers[hits.index(False)]
    assert "are not shown to differ from other intermediate tasks" in quiet.summary


def test_what_was_not_sound_is_left_out_and_named() -> None:
    states = {
        ("piqa", "xnli"): RunState.DIVERGED,
        ("qqp", "xcopa"): RunState.COLLAPSED,
        ("none", "pan-x"): RunState.DIVERGED,
        ("socialiqa", "xcopa"): RunState.SAME_DATA,
    }
    one = Planted(LOADED, planted(0.05), states=states, missing=frozenset({("ccg", "xwinograd")}))
    answer = STUDY.answer(one.evidence())
    assert found(answer, "all-targets").n == 7
    assert "left out, gains are missing: ccg, piqa, qqp" in found(answer, "all-targets").note
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


def test_too_few_tasks_and_no_targets_are_said_in_words() -> None:
    few = experiment(("none", "piqa", "mnli", "qqp"), ("xcopa",))
    answer = STUDY.answer(Planted(few, planted(0.1)).evidence())
    assert answer.summary.startswith("No conclusion")
    assert "too few tasks in a group for a conclusion: 1 of at least 2" in answer.summary
    assert math.isnan(found(answer, "interaction").value)
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


def test_holm_decides_the_words_of_its_four_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """An effect with a small p that a correction, here a very harsh one, takes away."""
    monkeypatch.setattr(
        "xstilts.studies.reasoning.analysis.holm", lambda p: np.minimum(100 * p, 1.0)
    )
    answer = STUDY.answer(Planted(LOADED, planted(0.02, 0.05)).evidence())
    assert found(answer, "reasoning-targets").significant
    texts = {one.name: one.text for one in answer.findings}
    corrected = min(100 * found(answer, "reasoning-targets").p, 1.0)
    words = f"which may be chance (p (Holm) = {corrected:.3f})"
    assert words in texts["reasoning-targets"]
    assert "beyond chance" in texts["reasoning-targets-mixed"]
    assert "are not shown to differ from other intermediate tasks" in answer.summary
    assert f"p (Holm) = {corrected:.3f}" in answer.summary


def test_what_would_have_been_found_is_said_where_nothing_was() -> None:
    answer = STUDY.answer(Planted(LOADED, planted()).evidence())
    text = next(one.text for one in answer.findings if one.name == "all-targets")
    assert "would be found in four of five such studies, before any correction" in text
    key = found(answer, "reasoning-targets")
    error = (key.high - key.low) / 2 / stats.t.ppf(0.975, key.n - 2)
    (size,) = re.findall(r"a difference of ([0-9.]+) points would", answer.summary)
    shifted = stats.nct(key.n - 2, float(size) / error)
    assert shifted.sf(stats.t.ppf(0.975, key.n - 2)) == pytest.approx(0.8, abs=0.05)
    few = experiment(("none", "piqa", "copa", "mnli", "qqp"), ALL)
    summary = STUDY.answer(Planted(few, planted()).evidence()).summary
    assert "with so few tasks no difference, however large, would be found" in summary


def test_the_mean_gain_names_the_task_that_is_not_in_it() -> None:
    one = Planted(LOADED, planted(0.05), states={("piqa", "xcopa"): RunState.DIVERGED})
    gain = found(STUDY.answer(one.evidence()), "gain")
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
    assert found(answer, "all-targets").low < 6 < found(answer, "all-targets").high
    assert not found(answer, "as-written").significant
    said = "\n".join(answer.caveats)
    assert "fewer than 1,000, left out: copa" in said
    assert "same number of steps" not in said
    steps = Planted(LOADED, planted(), steps={"piqa": 10, "mnli": 1_000})
    said = "\n".join(STUDY.answer(steps.evidence()).caveats)
    assert "not trained for the same number of steps: piqa 10, mnli 1,000" in said
