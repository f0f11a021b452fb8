"""How well a task is solved after training, and how well without reading anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from xstilts.planning.cost import sample_cost
from xstilts.planning.measures.base import (
    Measure,
    MeasureContext,
    MeasureRef,
    SingleTaskSetting,
    StageFacts,
)
from xstilts.planning.task_params import task_params

NONE = float("nan")


def dev_score(facts: StageFacts) -> float:
    """Dev score of the selected checkpoint of a training; NaN if it diverged."""
    scores = (facts[0].get("dev") or {}).values()
    return next((float(score) for score in scores), NONE)


def _trained(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, seed, key in context.trained:
        yield MeasureRef(name, single.name, seed=seed, keys=(key,))


def _baselines(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        if single.task.format_spec.baseline:
            yield MeasureRef(name, single.name, keys=(_baseline(context, single),))


def _trained_and_baseline(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, seed, key in context.trained:
        if single.task.format_spec.baseline:
            yield MeasureRef(name, single.name, seed=seed, keys=(key, _baseline(context, single)))


def _baseline(context: MeasureContext, setting: SingleTaskSetting) -> str:
    """The stage that scores the chance and majority baselines on the task's dev rows."""
    task, part = setting.task, setting.part
    roles = ("train", "dev")
    inputs = {
        f"{role}:{code}": key for role in roles for code, key in context.rows(part, role).items()
    }
    rows = sum(context.compiler.expected_rows(task, part, role) for role in roles)
    return context.add("guess", task_params(part, task), inputs, part.name, sample_cost(rows))


def _baseline_score(what: str, facts: StageFacts) -> float:
    """`chance` or `majority` of the baseline stage, which is the last."""
    value = facts[-1].get(what)
    return NONE if value is None else float(value)


def _above(what: str, facts: StageFacts) -> float:
    return dev_score(facts) - _baseline_score(what, facts)


ACCURACY = Measure("English dev score of the intermediate model, main metric", _trained, dev_score)
CHANCE = Measure(
    "expected dev score of an even guess", _baselines, partial(_baseline_score, "chance")
)
MAJORITY = Measure(
    "dev score of the most frequent training label",
    _baselines,
    partial(_baseline_score, "majority"),
)
ABOVE_CHANCE = Measure("dev score above chance", _trained_and_baseline, partial(_above, "chance"))
ABOVE_MAJORITY = Measure(
    "dev score above the majority label", _trained_and_baseline, partial(_above, "majority")
)
