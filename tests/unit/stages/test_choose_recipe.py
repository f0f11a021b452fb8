"""The choice among trials: by the mean over search seeds, without those that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import DataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.stages.base import CHOOSE_RECIPE
from xstilts.stages.choose_recipe import CHOICE, chosen_values, trial_role

Facts = dict[str, Any]
RATES = (1e-5, 3e-5, 1e-4)


def dev(score: float | None, **facts: Any) -> Facts:
    return {"dev_mean": score, "steps": 10, "collapsed": [], **facts}


DIVERGED: Facts = {"diverged": "the loss of x is not finite at step 3", "steps": 3}


def choice(folder: Path, *trials: list[Facts]) -> dict[str, Any]:
    """The record of the choice among trials, each given by the facts of its trainings."""
    store = Store(folder).prepare()
    inputs = {}
    for number, runs in enumerate(trials):
        for seed, facts in enumerate(runs):
            stage = Stage("train", 1, {"number": number, "seed": seed})
            with store.staging(stage.key) as made:
                store.publish(stage, made, facts, {"seconds": 7.0})
            inputs[trial_role(number, seed)] = stage.key
    values = [{"learning_rate": rate} for rate in RATES[: len(trials)]]
    params = {"trials": values, "seeds": list(range(len(trials[0])))}
    artifact = execute_stage(store, Stage(CHOOSE_RECIPE, 1, params, inputs), lambda _: None)
    record: dict[str, Any] = json.loads(artifact.read(CHOICE))
    assert chosen_values(artifact) == record["chosen"] == artifact.facts["chosen"]
    assert f"{len(inputs)} trainings took {7 * len(inputs)} s" in str(artifact.manifest)
    return record


def test_the_best_mean_over_search_seeds_is_chosen(tmp_path: Path) -> None:
    record = choice(tmp_path, [dev(0.9), dev(0.1)], [dev(0.6), dev(0.7)])
    assert record["chosen"] == {"learning_rate": RATES[1]}
    assert [trial["dev"] for trial in record["trials"]] == [0.5, 0.65]
    assert record["trials"][0]["dev_by_seed"] == {"0": 0.9, "1": 0.1}
    assert (record["trainings"], record["steps"]) == (4, 40)


def test_of_equal_trials_the_first_is_chosen(tmp_path: Path) -> None:
    assert choice(tmp_path, [dev(0.2)], [dev(0.7)], [dev(0.7)])["trial"] == 1


@pytest.mark.parametrize(
    "failed", [DIVERGED, dev(0.99, collapsed=["x"]), dev(None), dev(float("nan"))]
)
def test_a_trial_with_a_failed_run_is_not_chosen(tmp_path: Path, failed: Facts) -> None:
    record = choice(tmp_path, [dev(0.9), failed], [dev(0.3), dev(0.3)])
    assert record["trial"] == 1
    assert record["trials"][0]["dev"] is None


def test_without_a_usable_trial_the_failures_are_counted(tmp_path: Path) -> None:
    collapsed = [dev(0.4, collapsed=["x"])]
    with pytest.raises(DataError, match=r"1 diverged, 2 collapsed"):
        choice(tmp_path, [DIVERGED], collapsed, collapsed)
