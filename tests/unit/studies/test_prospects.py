"""A study says before it runs whether an experiment can answer it at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.run_states import RunState
from xstilts.config.load import LoadedExperiment
from xstilts.statistics.association import associate
from xstilts.statistics.estimate import LEVEL
from xstilts.statistics.group_contrast import contrast
from xstilts.studies import STUDIES
from xstilts.studies.prospects import (
    PlannedGains,
    Prospect,
    contrast_prospect,
    correlation_prospect,
    seeds_prospect,
    verdict_text,
)
from xstilts.studies.study_plan import plan_study
from xstilts.testing.planted import Planted, experiment

REASONING = ("hellaswag", "cosmosqa", "piqa", "winogrande")
OTHERS = ("mnli", "qqp", "squad-v1", "snli")
GRID: dict[str, Any] = {"seeds": (0, 1, 2), "encoder": "xlm-roberta-base"}


def planned(seeds: int = 3) -> PlannedGains:
    return PlannedGains({}, seeds, has_baseline=True)


def contrast_of(inside: int, others: int, tests: int = 1, seeds: int = 3) -> Prospect:
    groups = [f"a{one}" for one in range(inside)], [f"b{one}" for one in range(others)]
    return contrast_prospect("q", planned(seeds), groups, tests)


def ask(name: str, loaded: LoadedExperiment) -> tuple[Prospect, ...]:
    return plan_study(STUDIES.get(name), loaded).prospects


def grid(
    tasks: tuple[str, ...], targets: tuple[str, ...] = ("xcopa", "xnli"), **more: Any
) -> LoadedExperiment:
    return experiment(("none", *tasks), targets, **{**GRID, **more})


@pytest.mark.parametrize(("inside", "others"), [(2, 2), (2, 3), (3, 3), (2, 6), (3, 4), (4, 4)])
def test_a_contrast_is_answerable_where_the_largest_effect_is_significant(
    inside: int, others: int
) -> None:
    names = [f"task{number}" for number in range(inside + others)]
    gains = [1.0 + 0.01 * n if n < inside else 0.01 * n for n in range(len(names))]
    table = pd.DataFrame({"task": names, "gain": gains}).assign(target="t", language="de", seed=0)
    largest = contrast(table, names[:inside], model=False).tasks
    assert contrast_of(inside, others).answerable == (largest.p < LEVEL)


@pytest.mark.parametrize("n", range(4, 9))
def test_a_correlation_is_answerable_only_where_a_perfect_order_is_significant(n: int) -> None:
    order = np.arange(n)
    largest = associate(order, order)
    found = correlation_prospect("q", planned(), [str(one) for one in order])
    assert not found.answerable or largest.p < LEVEL
    assert (n < 5) == ("needs" in found.why)


def test_corrections_for_several_tests_need_more_tasks() -> None:
    assert contrast_of(3, 5).answerable
    assert not contrast_of(3, 5, tests=4).answerable
    assert contrast_of(5, 5, tests=4).answerable
    tasks = [str(one) for one in range(6)]
    assert not correlation_prospect("q", planned(), tasks, tests=20).answerable


def test_the_number_of_tasks_that_is_named_suffices() -> None:
    why = contrast_of(2, 4).why
    needed = int(why.rpartition("; ")[2].split()[0])
    assert contrast_of(needed, 4).answerable
    assert not contrast_of(needed - 1, 4).answerable


def test_one_seed_answers_no_question_about_gains() -> None:
    assert not contrast_of(5, 5, seeds=1).answerable
    assert not seeds_prospect("q", 1).answerable
    assert seeds_prospect("q", 2).answerable
    tasks = [str(one) for one in range(9)]
    assert "seed" in correlation_prospect("q", planned(1), tasks).why


def test_reasoning_says_which_of_its_questions_can_be_answered() -> None:
    found = ask("reasoning", grid((*REASONING, *OTHERS)))
    assert len(found) == 4
    by_kind = [one.answerable for one in found]
    assert by_kind[2] is False, "no target is about numbers"
    assert "mgsm-choice" in found[2].why
    assert not any(one.answerable for one in ask("reasoning", grid(("hellaswag", *OTHERS))))
    assert not any(one.answerable for one in ask("reasoning", grid(REASONING, seeds=(0,))))
    few = ask("reasoning", grid((*REASONING[:2], *OTHERS[:2])))
    assert not any(one.answerable for one in few)


def test_a_task_with_the_targets_own_data_is_not_counted() -> None:
    (found,) = ask("similarity", grid(("mnli", "qqp", "squad-v1", "snli", "piqa"), ("xnli",)))
    assert not found.answerable
    assert "4 tasks" in found.why


@pytest.mark.parametrize("state", [RunState.COLLAPSED, RunState.DIVERGED])
def test_a_task_that_results_exclude_is_not_counted_and_is_named(state: RunState) -> None:
    loaded = grid((*REASONING, *OTHERS), ("xcopa",))
    for name, before, after in (
        ("similarity", "8 tasks", "7 tasks"),
        ("reasoning", "4 against 4 tasks", "4 against 3 tasks"),
    ):
        plan = plan_study(STUDIES.get(name), loaded)
        fine = Planted(loaded, no_gain)
        assert plan.without_excluded(fine.evidence(equal_budget=fine)) == plan
        failed = replace(fine, states={("mnli", "xcopa"): state})
        found = plan.without_excluded(failed.evidence(equal_budget=failed))
        assert before in plan.prospects[0].why
        assert after in found.prospects[0].why
        (note,) = found.notes
        assert "mnli is left out on xcopa" in note


def no_gain(_setting: str, _target: str) -> float:
    return 0.0


def test_without_the_baseline_there_is_nothing_to_answer() -> None:
    loaded = experiment((*REASONING, *OTHERS), ("xcopa", "xnli"), **GRID)
    for name in ("reasoning", "similarity"):
        assert all("baseline" in one.why for one in ask(name, loaded)), name


def test_difficulty_needs_retrieval_and_multimodal_needs_images() -> None:
    loaded = grid((*REASONING, *OTHERS), ("xnli",))
    for name, word in (("difficulty", "retrieval"), ("multimodal", "image")):
        found = ask(name, loaded)
        assert found
        assert not any(one.answerable for one in found)
        assert word in found[0].why
    assert ask("difficulty", grid((*REASONING, *OTHERS), ("tatoeba",)))[0].answerable


def test_scaling_needs_two_tasks_and_two_seeds() -> None:
    assert ask("scaling", grid(("mnli", "qqp"), ("tatoeba",)))[0].answerable
    assert not ask("scaling", grid(("mnli",), ("tatoeba",)))[0].answerable
    assert not ask("scaling", grid(("mnli", "qqp"), ("tatoeba",), seeds=(0,)))[0].answerable


def test_the_line_names_the_study_and_the_reason() -> None:
    yes, no = Prospect("a", True, "power"), Prospect("b", False, "too few")
    assert "1 of its 2 questions" in verdict_text("reasoning", [yes, no])
    assert verdict_text("reasoning", [no, no]).count("too few") == 1
    assert "cannot" in verdict_text("reasoning", [no])
