"""Contrasts between groups of tasks: the unit of analysis, and notes for too few tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xstilts.statistics.block_effects import comparable_parts, remove_block_effects
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.group_contrast import contrast, detectable_contrast, interaction
from xstilts.statistics.permutation import attained_level, p_value, subsets

REASONING = ("r0", "r1", "r2", "r3")


def table(
    effect: float = 0.0,
    *,
    only: float = 0.0,
    others: int = 5,
    group: int = 4,
    languages: int = 3,
    seeds: int = 2,
    seed: int = 0,
) -> pd.DataFrame:
    """Gains of tasks r… (helped by `effect`, by `only` more on the target `logic`) and o…"""
    generator = np.random.default_rng(seed)
    place = generator.normal(0, 0.02, (2, languages))
    run = generator.normal(0, 0.01, seeds)
    rows = []
    for task in [f"r{k}" for k in range(group)] + [f"o{k}" for k in range(others)]:
        base = generator.normal(0.01, 0.02) + effect * task.startswith("r")
        for number, target in enumerate(("logic", "words")):
            extra = generator.normal(0, 0.01) + only * (task < "s" and task[0] == "r") * (
                target == "logic"
            )
            for language in range(languages):
                for one in range(seeds):
                    noise = place[number, language] + run[one] + generator.normal(0, 0.01)
                    gain = base + extra + noise
                    rows.append((task, target, f"l{language}", one, gain))
    return pd.DataFrame(rows, columns=["task", "target", "language", "seed", "gain"])


def test_the_sample_size_is_the_number_of_tasks() -> None:
    rows = table(0.05)
    means = rows.groupby("task")["gain"].mean()
    ours, theirs = (means[means.index.str.startswith(first)] for first in "ro")
    found = contrast(rows, REASONING).tasks
    assert found.n == 9
    assert found.value == pytest.approx(ours.mean() - theirs.mean())
    student = stats.ttest_ind(ours, theirs, equal_var=True).confidence_interval()
    assert (found.low, found.high) == pytest.approx((student.low, student.high))
    permuted = stats.permutation_test(
        (ours, theirs), lambda a, b: np.mean(a) - np.mean(b), permutation_type="independent"
    )
    assert found.p <= permuted.pvalue + 1e-9
    assert found.p > permuted.pvalue / 2 - 1e-9


def test_the_mixed_model_agrees_on_a_complete_table() -> None:
    """Every task has every place and seed: the coefficient is the difference of means."""
    found = contrast(table(0.05), REASONING)
    assert found.mixed.note == ""
    assert found.mixed.value == pytest.approx(found.tasks.value, abs=1e-4)
    assert found.mixed.high - found.mixed.low == pytest.approx(
        found.tasks.high - found.tasks.low, rel=0.5
    )
    assert found.mixed.significant


def test_more_seeds_do_not_increase_the_sample_size() -> None:
    few, many = (contrast(table(0, seeds=count), REASONING).mixed for count in (2, 6))
    assert few.n == many.n == 9
    assert many.high - many.low > 0.5 * (few.high - few.low)


def test_an_interaction_is_a_difference_of_differences() -> None:
    rows = table(0.03, only=0.08)
    found = interaction(rows, REASONING, ["logic"])
    means = rows.pivot_table(index="task", columns="target", values="gain")
    more = means["logic"] - means["words"]
    inside = more.index.str.startswith("r")
    assert found.tasks.value == pytest.approx(more[inside].mean() - more[~inside].mean())
    assert found.mixed.value == pytest.approx(found.tasks.value, abs=1e-3)
    assert found.tasks.significant
    assert found.mixed.low < 0.08 < found.mixed.high


def test_a_diverged_task_is_excluded_and_named() -> None:
    rows = table(0.05)
    rows.loc[(rows["task"] == "o3") & (rows["seed"] == 1), "gain"] = math.nan
    found = contrast(rows, REASONING)
    assert found.tasks.n == 8
    assert found.tasks.note == found.mixed.note == "left out, gains are missing: o3"


def test_too_few_tasks_give_a_note() -> None:
    found = contrast(table(group=1), REASONING)
    assert math.isnan(found.tasks.value)
    assert found.mixed.note == "too few tasks in a group for a conclusion: 1 of at least 2"
    assert "p cannot be below 0.33" in contrast(table(1, group=2, others=2), REASONING).tasks.note
    with pytest.raises(ValueError, match="no column seed"):
        contrast(table().drop(columns="seed"), REASONING)


def test_a_mixed_model_that_does_not_converge_is_noted() -> None:
    found = contrast(table().assign(gain=0.01), REASONING)
    assert math.isnan(found.mixed.value)
    assert "cannot be fitted" in found.mixed.note
    assert found.tasks.value == 0


def cells(gains: Mapping[str, Mapping[str, float]], languages: Mapping[str, int]) -> pd.DataFrame:
    """Task → target → its gain in each of the target's languages; two seeds."""
    rows = [
        (task, target, f"l{code}", seed, gain)
        for task, by_target in gains.items()
        for target, gain in by_target.items()
        for code in range(languages[target])
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["task", "target", "language", "seed", "gain"])


def test_targets_weigh_equally_whatever_their_numbers_of_languages() -> None:
    ours, others = {"big": 0.0, "mid": 0.06, "small": 0.1}, {"big": 0.02, "mid": 0.0, "small": 0.0}
    gains = {"r0": ours, "r1": ours, "o0": others, "o1": others}
    rows = cells(gains, {"big": 30, "mid": 9, "small": 3})
    two = rows[rows["target"] != "mid"]
    assert contrast(two, REASONING, model=False).tasks.value == pytest.approx(0.04)
    found = interaction(rows, REASONING, ["big", "mid"], model=False).tasks
    assert found.value == pytest.approx((-0.02 + 0.06) / 2 - 0.1)


def test_block_effects_do_not_depend_on_the_numbers_of_languages() -> None:
    """Not all tasks have all targets, and the gains are not sums of task and target."""
    gains = {
        "a": {"x": 0.0, "y": 3.0, "z": 6.0},
        "b": {"x": 1.0, "y": 1.0, "z": 1.0},
        "c": {"x": 5.0, "y": 0.0},
        "d": {"y": 2.0, "z": 9.0},
    }
    one, several = (
        remove_block_effects(cells(gains, dict(zip("xyz", counts, strict=True))))
        .groupby(["task", "target"])["gain"]
        .mean()
        .groupby("task")
        .mean()
        for counts in ((1, 1, 1), (9, 2, 1))
    )
    assert np.diff(several) == pytest.approx(np.diff(one))


def test_tasks_without_a_common_block_are_parts_of_their_own() -> None:
    gains = {"a": {"x": 0.1}, "b": {"x": 0.1}, "c": {"y": 0.0}, "d": {"y": 0.0}}
    apart = comparable_parts(cells(gains, {"x": 2, "y": 2}))
    assert apart["a"] == apart["b"] != apart["c"] == apart["d"]
    linked = comparable_parts(cells({**gains, "e": {"x": 0.1, "y": 0.0}}, {"x": 2, "y": 2}))
    assert len(set(linked.values())) == 1
    assert set(linked) == set("abcde")
    failed = cells(gains, {"x": 2, "y": 2}).assign(gain=math.nan)
    assert comparable_parts(failed) == {}


def test_the_attained_level_is_the_largest_p_that_is_significant() -> None:
    assert attained_level(3, 3) == 0
    assert attained_level(3, 4) == pytest.approx(1 / 35)
    assert attained_level(4, 4) == pytest.approx(2 / 70)
    assert attained_level(3, 9) == pytest.approx(10 / 220)  # 11 / 220 is 0.05, not below it
    assert attained_level(2, 12) == pytest.approx(4 / 91)
    assert attained_level(9, 9) == pytest.approx(0.05, abs=1e-3)


def test_a_detectable_contrast_is_found_about_as_often_as_stated() -> None:
    """Two against seven tasks: p is below 0.05 only for one of 36 groups; 66 % at level 0.05."""
    error = (1 / 2 + 1 / 7) ** 0.5
    half = float(stats.t.ppf(0.975, 7)) * error
    effect = detectable_contrast(Estimate(0.0, -half, half, n=9), 2)
    masks, exhaustive = subsets(9, 2, 1, 0)
    weights = masks / 2 - ~masks / 7
    gains = np.random.default_rng(0).normal(size=(2000, 9)) + effect * (np.arange(9) < 2)
    p = [p_value(float(weights[0] @ one), weights @ one, exhaustive) for one in gains]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.78, abs=0.03)
