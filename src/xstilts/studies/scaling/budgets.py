"""What the trainings of `scaling` saw: examples and optimizer steps, planned and actual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd

from xstilts.analysis.training_steps import first_trainings
from xstilts.statistics.estimate import NAN
from xstilts.studies.base import Evidence, StudyTable
from xstilts.studies.render import join_names
from xstilts.studies.scaling.design import Point, ScalingDesign

UNEQUAL = (
    "Budgets are not equal: {}; see the table of budgets. Reasons are texts of several windows, "
    "rows that could not be used, `max_task_size` and `patience`."
)


@dataclass(frozen=True)
class Budget:
    """What a training saw, of the first seed; NaN where it is unknown."""

    point: Point
    examples: float
    steps: float

    def is_short(self, design: ScalingDesign) -> bool:
        """Whether tasks of unknown size turned out to have too few examples."""
        unknown = self.point.tasks & set(design.unknown)
        return bool(unknown) and self.examples < self.point.size * design.unit


def budgets_of(evidence: Evidence, design: ScalingDesign) -> list[Budget]:
    """What each intermediate training saw."""
    trained = {
        (name, setting): key
        for name, cells in evidence.cells.items()
        for setting, key in first_trainings(cells).items()
    }
    return [
        Budget(point, *_seen(evidence, trained.get((point.variant, point.setting), "")))
        for group in design.groups
        for point in group.points
    ]


def _seen(evidence: Evidence, key: str) -> tuple[float, float]:
    """Examples and optimizer steps of a training."""
    artifact = evidence.store.get_finished(key) if key else None
    if artifact is None:
        return NAN, NAN
    inputs = artifact.manifest["stage"]["inputs"].items()
    rows = [evidence.facts(source) for role, source in inputs if role.startswith("train:")]
    examples = sum(float(facts.get("rows", NAN)) if facts else NAN for facts in rows)
    return examples, float(artifact.facts.get("steps", NAN))


def equal_budgets_text(budgets: Sequence[Budget]) -> str:
    """That budgets were equal; empty if they were not, or are unknown."""
    steps, examples = _by_size(budgets, "steps"), _by_size(budgets, "examples")
    if not steps or any(len(seen) != 1 for seen in (*steps.values(), *examples.values())):
        return ""
    ends = [(*examples[size], *steps[size]) for size in (min(steps), max(steps))]
    smallest, largest = (f"{rows:.0f} examples and {count:.0f} steps" for rows, count in ends)
    return (
        "At each budget all curves were trained on the same number of examples for the same "
        f"number of optimizer steps: from {smallest} to {largest}."
    )


def budget_caveats(budgets: Sequence[Budget], unit: int) -> Iterator[str]:
    """Budgets that are not equal, and trainings that are not finished.

    Args:
        unit: examples in a budget of size 1.
    """
    for name in ("examples", "steps"):
        unequal = [
            f"{min(seen):.0f} to {max(seen):.0f} {name} at {size * unit} examples"
            for size, seen in sorted(_by_size(budgets, name).items())
            if len(seen) > 1
        ]
        if unequal:
            yield UNEQUAL.format(join_names(unequal))
    if unknown := sum(isnan(budget.steps) for budget in budgets):
        yield f"Training sets without a finished training: {unknown} of {len(budgets)}."


def _by_size(budgets: Sequence[Budget], name: str) -> dict[int, set[float]]:
    """Size → the numbers of examples or steps that were seen at it."""
    seen: dict[int, set[float]] = {}
    for budget in budgets:
        if not isnan(getattr(budget, name)):
            seen.setdefault(budget.point.size, set()).add(getattr(budget, name))
    return seen


def budgets_table(budgets: Sequence[Budget], unit: int) -> StudyTable:
    """Examples and steps of each training, planned and actual."""
    rows = [
        {
            "curve": budget.point.curve,
            "intermediate": budget.point.setting,
            "planned": budget.point.size * unit,
            "examples": budget.examples,
            "steps": budget.steps,
        }
        for budget in budgets
    ]
    frame = pd.DataFrame(rows).drop_duplicates(ignore_index=True)
    title = "Examples and steps of each training"
    return StudyTable("budgets", title, frame, ("Of the first seed.",))
