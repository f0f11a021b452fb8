"""What the answer is read off: gains by task, in the experiment as written or at equal budget."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.gains import Gains, mean_or_nan
from xstilts.analysis.layer_sweeps import task_of
from xstilts.studies.base import Evidence
from xstilts.studies.reasoning.equal_budget import EQUAL, EqualBudget, budget_of
from xstilts.studies.reasoning.task_groups import TASKS
from xstilts.studies.study_plan import gains_in
from xstilts.studies.task_table import gains_by_task, has_scores, single_tasks
from xstilts.studies.training_budget import steps_of


@dataclass(frozen=True)
class ReasoningData:
    """What the answer is read off.

    Args:
        gains: by run, of `tasks`.
        table: the same abroad, as `points.gains_by_task` has them.
        tasks, group: settings of one task; those of them that ask for reasoning.
        targets, scored: by their plain names; those of them on which a run has a score.
        steps: setting → optimizer steps, where its training is finished.
        budget: none where the training sets are as they are.
    """

    gains: Gains
    table: pd.DataFrame
    tasks: frozenset[str]
    group: frozenset[str]
    targets: frozenset[str]
    scored: frozenset[str]
    steps: Mapping[str, int]
    budget: EqualBudget | None


def read_data(evidence: Evidence, variant: str) -> ReasoningData:
    """The points of the experiment as written, or of a variant."""
    tasks = single_tasks(evidence.loaded)
    cells = evidence.cells[variant]
    gains = gains_in(evidence, variant).among(tasks)
    targets = frozenset(task_of(cell.target) for cell in cells)
    return ReasoningData(
        gains=gains,
        table=gains_by_task(gains, tasks),
        tasks=frozenset(tasks),
        group=frozenset(name for name, task in tasks.items() if task.name in TASKS),
        targets=targets,
        scored=frozenset(name for name in targets if has_scores(evidence, {name}, variant)),
        steps=steps_of(cells, evidence.facts, tasks),
        budget=budget_of(evidence) if variant == EQUAL else None,
    )


def on_targets(points: ReasoningData, targets: Collection[str]) -> pd.DataFrame:
    """The rows of some targets."""
    return points.table[points.table["target"].isin(targets)]


def mean_gains(table: pd.DataFrame) -> pd.Series[float]:
    """Task → its mean gain; NaN where one is missing."""
    return table.groupby("task")["gain"].agg(mean_or_nan)
