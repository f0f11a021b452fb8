"""How well a task is solved after training, and how well without reading anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from xstilts.planning.compile import task_params
from xstilts.planning.cost import sample_cost
from xstilts.planning.measures.base import (
    Found,
    Measure,
    MeasureContext,
    MeasureRef,
    SingleTaskSetting,
)

NONE = float("nan")


def dev_score(found: Found) -> float:
    """The score of the chosen checkpoint, off a training's facts; NaN where it diverged."""
    scores = (found[0].get("dev") or {}).values()
    return next((float(score) for score in scores), NONE)


def _trained(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, seed, key in context.trained:
        yield MeasureRef(name, single.name, seed=seed, keys=(key,))


def _guessed(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        if single.task.format_spec.baseline:
            yield MeasureRef(name, single.name, keys=(_guess(context, single),))


def _both(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, seed, key in context.trained:
        if single.task.format_spec.baseline:
            yield MeasureRef(name, single.name, seed=seed, keys=(key, _guess(context, single)))


def _guess(context: MeasureContext, setting: SingleTaskSetting) -> str:
    """The stage that scores guesses on the task's dev rows."""
    task, part = setting.task, setting.part
    roles = ("train", "dev")
    inputs = {
        f"{role}:{code}": key for role in roles for code, key in context.rows(part, role).items()
    }
    rows = sum(context.compiler.expected_rows(task, part, role) for role in roles)
    return context.add("guess", task_params(part, task), inputs, part.name, sample_cost(rows))


def _of_guess(what: str, found: Found) -> float:
    """A fact of the guess, which is the last stage."""
    value = found[-1].get(what)
    return NONE if value is None else float(value)


def _above(what: str, found: Found) -> float:
    return dev_score(found) - _of_guess(what, found)


ACCURACY = Measure("English dev score of the intermediate model, main metric", _trained, dev_score)
CHANCE = Measure("expected dev score of an even guess", _guessed, partial(_of_guess, "chance"))
MAJORITY = Measure(
    "dev score of the most frequent training label", _guessed, partial(_of_guess, "majority")
)
ABOVE_CHANCE = Measure("dev score above chance", _both, partial(_above, "chance"))
ABOVE_MAJORITY = Measure("dev score above the majority label", _both, partial(_above, "majority"))
