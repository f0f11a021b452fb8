"""What was measured of one image-text target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.layer_sweeps import task_of
from xstilts.planning.compile import ResultCell
from xstilts.studies.base import OWN, Evidence
from xstilts.studies.multimodal.modalities import is_nli
from xstilts.studies.task_table import gains_by_task, single_tasks
from xstilts.studies.training_budget import steps_of
from xstilts.tasks.base import TaskSpec


@dataclass(frozen=True)
class MultimodalData:
    """One target's runs.

    Args:
        cells, outcomes, results: the target's; see `analysis.scan`.
        tasks, group: settings of one task; those of them that are inference.
        gains: by run, of `tasks`.
        by_task: the same abroad, as `points.gains_by_task` has them.
        steps: setting → optimizer steps, where its training is finished.
    """

    target: TaskSpec
    cells: Sequence[ResultCell]
    outcomes: Sequence[ExampleScores]
    results: pd.DataFrame
    tasks: frozenset[str]
    group: frozenset[str]
    gains: Gains
    by_task: pd.DataFrame
    steps: Mapping[str, int]


def cells_of(evidence: Evidence, targets: Collection[str]) -> list[ResultCell]:
    """The cells of some targets, by their plain names."""
    return [cell for cell in evidence.cells[OWN] if task_of(cell.target) in targets]


def read_data(
    evidence: Evidence, target: TaskSpec, found: Sequence[ExampleScores]
) -> MultimodalData:
    """The points of a target.

    Args:
        found: every example's statistics, of this target and others.
    """
    tasks = single_tasks(evidence.loaded)
    cells, frame = cells_of(evidence, {target.name}), evidence.results[OWN]
    results = frame[frame["target"].map(task_of) == target.name]
    gains = compute_gains(results, cells).among(tasks)
    return MultimodalData(
        target=target,
        cells=cells,
        outcomes=[one for one in found if task_of(one.target) == target.name],
        results=results,
        tasks=frozenset(tasks),
        group=frozenset(name for name, task in tasks.items() if is_nli(task)),
        gains=gains,
        by_task=gains_by_task(gains, tasks),
        steps=steps_of(cells, evidence.facts, tasks),
    )
