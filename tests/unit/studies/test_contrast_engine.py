"""The engine of contrasts: which mean it takes, and which tasks it compares."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from xstilts.studies.contrast_engine import (
    NOT_COMPARABLE,
    contrast_result,
    group_means,
    mean_gains,
    mixed_result,
)
from xstilts.studies.result import Significance

OURS, OTHERS = ("hellaswag", "piqa", "socialiqa"), ("qqp", "ccg", "mnli")
LANGUAGES = {"big": 30, "small": 3}


def table(gain: Callable[[str, str], float | None], noise: float = 1e-3) -> pd.DataFrame:
    """Gains in every language of two targets, with noise; none where `gain` is None."""
    draw = np.random.default_rng(0)
    rows = [
        (task, target, f"l{code}", seed, planted + draw.normal(0, noise))
        for task in (*OURS, *OTHERS)
        for target, count in LANGUAGES.items()
        if (planted := gain(task, target)) is not None
        for code in range(count)
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["task", "target", "language", "seed", "gain"])


def of_both(task: str, target: str) -> float:
    """On `big` the others gain 2 points, on `small` ours gain 10."""
    if target == "big":
        return 0.02 * (task in OTHERS)
    return 0.10 * (task in OURS)


def test_a_contrast_over_targets_weighs_them_equally() -> None:
    rows = table(of_both)
    found = contrast_result("all", "", rows, OURS)
    assert found.estimate.value == pytest.approx((-2 + 10) / 2, abs=0.1)
    assert mean_gains(rows)["piqa"] == pytest.approx(0.05, abs=1e-3)
    assert group_means(rows, OURS, ("ours", "others"))["others"].value == pytest.approx(1, abs=0.1)
    mixed = mixed_result(found, rows, OURS).estimate
    assert mixed.value == pytest.approx(found.estimate.value, abs=0.1)
    assert mixed.note == "languages were averaged first"


def test_tasks_that_share_no_target_are_not_compared() -> None:
    apart = table(lambda task, target: 0.05 if (task in OURS) == (target == "big") else None)
    found = contrast_result("all", "", apart, OURS)
    for result in (found, mixed_result(found, apart, OURS)):
        assert math.isnan(result.estimate.value)
        assert (result.estimate.n, result.estimate.note) == (6, NOT_COMPARABLE)
        assert result.significance is Significance.NOT_ENOUGH_DATA
    link = pd.DataFrame({"task": "mnli", "target": "big", "language": "l0", "seed": [0, 1]})
    linked = pd.concat([apart, link.assign(gain=0.01)], ignore_index=True)
    assert contrast_result("all", "", linked, OURS).estimate.value == pytest.approx(4, abs=0.5)


def test_a_task_that_is_not_compared_may_share_no_target() -> None:
    """piqa alone has a gain on `small`, but lacks another: it is left out either way."""
    rows = table(lambda task, target: 0.05 if (task == "piqa") == (target == "small") else None)
    lost = pd.DataFrame({"task": ["piqa"], "target": "big", "language": "", "seed": 0})
    found = contrast_result("all", "", pd.concat([rows, lost], ignore_index=True), OURS).estimate
    assert found.value == pytest.approx(0, abs=0.1)
    assert found.n == 5


def test_an_interaction_needs_links_on_both_kinds_of_targets() -> None:
    """On `small` the groups were tested in different languages."""
    rows = table(of_both)
    assert contrast_result("kinds", "", rows, OURS, ["small"]).estimate.value == pytest.approx(
        12, abs=0.1
    )
    own = rows["task"].isin(OURS) == (rows["language"] == "l0")
    apart = rows[(rows["target"] == "big") | own]
    found = contrast_result("kinds", "", apart, OURS, ["small"])
    for result in (found, mixed_result(found, apart, OURS, ["small"])):
        assert math.isnan(result.estimate.value)
        assert result.estimate.note == NOT_COMPARABLE
