"""The study `scaling` where targets are trained on other tasks, or on several."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.studies.base import Evidence
from xstilts.studies.scaling import STUDY
from xstilts.studies.scaling.design import designed
from xstilts.studies.scaling.scores import _target_collapsed, dev_scores
from xstilts.testing.scaling import SIX, experiment

CHAIN = "train_task={toy-kind: toy-tags > toy-kind}"
TRAINED_SEARCH = "train_task={toy-search: toy-kind}"


def plans(loaded: LoadedExperiment) -> dict[str, CompiledPlan]:
    return {
        name: compile_experiment(variant) for name, variant in STUDY.needs(loaded).variants.items()
    }


@pytest.mark.parametrize(
    ("change", "trained"), [(CHAIN, {"toy-kind"}), (TRAINED_SEARCH, {"toy-kind", "toy-search"})]
)
def test_the_best_task_is_chosen_by_the_dev_score_of_each_targets_last_training(
    toy_file: Path, tmp_path: Path, change: str, trained: set[str]
) -> None:
    loaded = experiment(toy_file, SIX, change, like="toy-same")
    found = plans(loaded)
    cells = {name: one.cells for name, one in found.items()}
    last = {c.target_trainings[-1] for own in cells.values() for c in own if c.target in trained}
    every = {key for own in cells.values() for c in own for key in c.trained_by}
    assert {c.target for own in cells.values() for c in own if c.target_trainings} == trained
    facts = {key: {"dev_mean": 0.9 if key in last else 0.1} for key in every}
    evidence = Evidence(loaded, Store(tmp_path), cells, {}, (), facts.get)
    (group, *_) = designed(loaded).groups
    scores = dev_scores(evidence, group)
    assert scores == dict.fromkeys(scores, pytest.approx(0.9))
    assert len(scores) == 3


def test_a_collapsed_training_within_a_targets_chain_is_the_targets(
    toy_file: Path, tmp_path: Path
) -> None:
    loaded = experiment(toy_file, SIX, CHAIN, like="toy-same")
    cells = {name: one.cells for name, one in plans(loaded).items()}
    cell = next(c for c in cells["tasks"] if c.target == "toy-kind" and c.intermediate != "none")
    setting, first, last = cell.trained_by

    def collapsed(key: str) -> bool:
        evidence = Evidence(loaded, Store(tmp_path), cells, {}, (), {key: {"collapsed": True}}.get)
        return _target_collapsed(evidence, cell)

    assert collapsed(first)
    assert collapsed(last)
    assert not collapsed(setting)


def test_no_task_is_used_that_contains_what_a_search_is_trained_on(toy_file: Path) -> None:
    loaded = experiment(
        toy_file, ("toy-tags", *SIX[:3]), "train_task={toy-search: toy-tags}", like="toy-same"
    )
    targets = {
        target: set(group.tasks) for group in designed(loaded).groups for target in group.targets
    }
    assert "toy-tags" not in targets["toy-search"]
    assert "toy-tags" in targets["toy-kind"]
