"""The logs of an experiment's trainings, grouped by what is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.config.intermediate import NO_INTERMEDIATE, mixture_name, parse_setting
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan


@dataclass(frozen=True)
class LearningCurve:
    """One training run: the loss of each step, and (step, dev score from -1 to 1) pairs.

    Args:
        name: the intermediate setting that the training starts from.
    """

    name: str
    losses: Sequence[float]
    dev: Sequence[tuple[int, float]]


def training_logs(compiled: CompiledPlan, store: Store) -> dict[str, list[LearningCurve]]:
    """Training tasks → the finished runs: intermediate settings, then targets."""
    groups: dict[str, list[LearningCurve]] = {}
    trainings = trainings_of(compiled)
    for stage in compiled.plan.stages:
        if stage.key not in trainings or not store.get_finished(stage.key):
            continue
        log = json.loads(store.read(stage.key, "log.json"))
        title, before = trainings[stage.key]
        run = LearningCurve(before, log["losses"], dev_scores(log["dev"]))
        groups.setdefault(title, []).append(run)
    return groups


def dev_scores(evaluations: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """(step, mean score over tasks) of the dev evaluations in a log.

    Evaluations without scores are left out: tasks without usable dev labels are not scored.
    """
    return [
        (evaluation["step"], sum(scores.values()) / len(scores))
        for evaluation in evaluations
        if (scores := evaluation["scores"])
    ]


def trainings_of(compiled: CompiledPlan) -> dict[str, tuple[str, str]]:
    """Key of each training stage → its training tasks, and the setting it starts from."""
    trainings: dict[str, tuple[str, str]] = {}
    for cell in compiled.cells:
        chain = [mixture_name(mixture) for mixture in parse_setting(cell.intermediate).chain]
        for depth, key in enumerate(cell.setting_trainings, start=1):
            trainings.setdefault(key, (" > ".join(chain[:depth]), NO_INTERMEDIATE))
        for key in cell.target_trainings:
            tasks = compiled.plan.by_key[key].params["tasks"]
            trainings.setdefault(key, (" + ".join(tasks), cell.intermediate))
    return trainings
