"""Studies and claims of an experiment with another baseline than `none`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xstilts.claims.mean_gains import choose
from xstilts.studies.scaling.design import designed
from xstilts.studies.study_data import dev_metrics, gains_in, single_tasks
from xstilts.testing.claims import claim_evidence
from xstilts.testing.planted import Planted, experiment

SETTINGS = ("none", "conll2000", "conll2000 > mnli", "conll2000 > snli", "mnli")
ADAPTED = experiment(SETTINGS, ["paws-x"], baseline="conll2000")


def planted_gain(setting: str, target: str) -> float:
    return {"none": 0.0, "conll2000": -0.2, "mnli": 0.2}.get(setting, 0.1)


def test_the_tasks_of_a_study_are_those_added_to_the_baseline() -> None:
    tasks = single_tasks(ADAPTED)
    assert {name: task.name for name, task in tasks.items()} == {
        "conll2000 > mnli": "mnli",
        "conll2000 > snli": "snli",
    }
    assert dev_metrics(ADAPTED, tasks) == dict.fromkeys(tasks, "accuracy")


def test_gains_of_a_study_are_over_the_baseline() -> None:
    evidence = Planted(ADAPTED, planted_gain, noise=0.0).evidence()
    gains = gains_in(evidence).table.groupby("intermediate")["gain"].mean()
    assert gains["conll2000 > mnli"] == pytest.approx(0.3)
    assert gains["none"] == pytest.approx(0.2)
    assert "conll2000" not in gains


def test_training_sets_of_the_scaling_study_follow_the_baseline() -> None:
    design = designed(ADAPTED)
    assert set(design.tasks) == {"mnli", "snli"}
    settings = {
        text
        for variant in design.variants(ADAPTED).values()
        for text in variant.experiment.intermediate
    }
    assert settings == {
        "conll2000", "conll2000 > mnli", "conll2000 > snli", "conll2000 > mnli+snli",
    }  # fmt: skip


def test_claims_find_what_is_added_to_the_baseline() -> None:
    gains = {
        ("paws-x", "conll2000"): -0.2,
        ("paws-x", "conll2000 > mnli"): 0.1,
        ("paws-x", "mnli"): 0.2,
    }
    over_none = claim_evidence(gains)
    evidence = replace(over_none, baseline="conll2000")
    found = choose(evidence, {"MNLI": ("mnli",)}, None).settings
    assert found == {"MNLI": "conll2000 > mnli"}
    assert choose(evidence, "singles", None).settings == {"mnli": "conll2000 > mnli"}
    gain = evidence.gain("paws-x", "conll2000 > mnli")
    assert gain is not None
    assert gain.value == pytest.approx(0.3, abs=0.05)
    assert choose(over_none, {"MNLI": ("mnli",)}, None).settings == {"MNLI": "mnli"}
