"""Optimizer steps of intermediate trainings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from xstilts.analysis.results import Facts
from xstilts.planning.compile import ResultCell


def first_trainings(cells: Iterable[ResultCell]) -> dict[str, str]:
    """Setting → the stage of its first training, of the first seed."""
    trainings: dict[str, str] = {}
    for cell in cells:
        if cell.trained_by:
            trainings.setdefault(cell.intermediate, cell.trained_by[0])
    return trainings


def steps_of(cells: Iterable[ResultCell], facts: Facts, tasks: Collection[str]) -> dict[str, int]:
    """Setting → optimizer steps of its intermediate training, where that is finished."""
    known = {name: facts(key) or {} for name, key in first_trainings(cells).items()}
    return {
        name: int(one["steps"]) for name, one in known.items() if name in tasks and "steps" in one
    }


def unequal_steps(steps: Mapping[str, int]) -> tuple[str, ...]:
    """The caveat on unequal budgets; empty if all trainings had equally many steps."""
    if len(set(steps.values())) < 2:
        return ()
    ascending = sorted(steps, key=lambda name: (steps[name], name))
    text = ", ".join(f"{name} {steps[name]:,}" for name in ascending)
    return (f"The intermediate tasks were not trained for the same number of steps: {text}.",)
