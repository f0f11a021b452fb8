"""Scores at each point of the design of `scaling`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from xstilts.analysis.exclusions import exclusion_texts
from xstilts.analysis.gains import transfer_runs
from xstilts.analysis.mixed_runs import MixedRuns, caveats_of
from xstilts.analysis.run_states import RunState, has_state, without_state
from xstilts.metrics import METRICS
from xstilts.planning.compile import ResultCell
from xstilts.planning.target_name import TargetName
from xstilts.statistics.estimate import NAN
from xstilts.studies.base import Evidence
from xstilts.studies.scaling.budgets import Budget
from xstilts.studies.scaling.design import MORE_TASKS, Point, ScalingDesign, TaskGroup
from xstilts.studies.study_data import gains_in

MEAN = "mean of the targets"
COLLAPSED = (
    "Collapsed intermediate trainings (one answer to all of a task's English dev examples) are "
    "included here, as too little data may be the cause: {}."
)


@dataclass(frozen=True)
class TargetScores:
    """One target's scores, or their mean over the targets of a group.

    Args:
        table: point → [languages, seeds] scores between 0 and 1, of languages other than English
            if there are any; of the mean: [targets, seeds].
        baseline: the same without intermediate training.
        lowest: possible score; the highest is 1.
    """

    target: str
    group: TaskGroup
    table: Mapping[Point, pd.DataFrame]
    baseline: pd.DataFrame
    lowest: float = 0.0

    @property
    def largest_difference(self) -> float:
        """Between two scores, in either direction."""
        return 1.0 - self.lowest

    def of(self, curve: str, size: int) -> pd.DataFrame | None:
        """The mean over the mixtures of that size that have scores; none without any."""
        points = self.group.on_curve(curve, size)
        known = [self.table[point] for point in points if point in self.table]
        return mean_of(known) if known else None

    def sizes(self, curve: str) -> list[int]:
        """The sizes with a score."""
        return sorted({point.size for point in self.table if point.curve == curve})


def mean_of(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Cell by cell."""
    return sum(tables[1:], start=tables[0]) / len(tables)


def target_scores(
    evidence: Evidence, design: ScalingDesign, budgets: Iterable[Budget] = ()
) -> tuple[list[TargetScores], list[str]]:
    """Every target's scores, the mean over the first group's first, and what must be known."""
    scores: list[TargetScores] = []
    texts: list[str] = []
    collapsed: list[str] = []
    mixed: list[MixedRuns] = []
    short = {budget.point: budget for budget in budgets if budget.is_short(design)}
    for group in design.groups:
        tables: dict[str, dict[Point, pd.DataFrame]] = {}
        baselines: dict[str, pd.DataFrame] = {}
        lowest: dict[str, float] = {}
        for name, points in group.variants.items():
            if name not in evidence.results:
                continue
            names = {
                text: f"{text} ({p.size * design.unit} examples)" for text, p in points.items()
            }
            kept, ignored = _ignore_collapsed_intermediate(evidence, name, points)
            collapsed += [names[setting] for setting in ignored]
            gains = gains_in(kept, name)
            own = (one for one in gains.exclusions if one.intermediate in points)
            mixed += gains.among(points).mixed
            texts += gains.swept
            texts += exclusion_texts(
                [replace(one, intermediate=names[one.intermediate]) for one in own]
            )
            for (target, setting), rows in transfer_runs(gains.table).groupby(
                ["target", "intermediate"]
            ):
                runs = rows.set_index(["language", "seed"])
                baselines.setdefault(str(target), runs["baseline"].unstack())
                lowest[str(target)] = METRICS.get(rows["metric"].iloc[0]).lowest
                for point in group.points:
                    if (point.variant, point.setting) == (name, setting) and point not in short:
                        tables.setdefault(str(target), {})[point] = runs["score"].unstack()
        alone = [
            TargetScores(name, group, table, baselines[name], lowest[name])
            for name, table in tables.items()
        ]
        scores += [*_mean(alone), *alone] if group is design.groups[0] else alone
    texts += caveats_of(mixed)
    texts += [COLLAPSED.format(", ".join(dict.fromkeys(collapsed)))] if collapsed else []
    for point, budget in short.items():
        planned = point.size * design.unit
        texts.append(
            f"{point.setting} ({planned} examples) is left out: its tasks have only "
            f"{budget.examples:.0f} training examples."
        )
    return scores, list(dict.fromkeys(texts))


def _ignore_collapsed_intermediate(
    evidence: Evidence, variant: str, points: Mapping[str, Point]
) -> tuple[Evidence, list[str]]:
    """Without the state of intermediate trainings that collapsed, and the settings of these.

    Little data may teach a task nothing, which is what is asked, and mixtures with one such task
    would be missing. A target's training that collapsed is excluded, as everywhere.
    """
    frame = evidence.results[variant]
    intermediate = {
        cell.key
        for cell in evidence.cells.get(variant, ())
        if cell.intermediate in points and not _target_collapsed(evidence, cell)
    }
    ignored = has_state(frame, RunState.COLLAPSED) & frame["key"].isin(intermediate)
    kept = without_state(frame, RunState.COLLAPSED, ignored)
    settings = list(dict.fromkeys(frame.loc[ignored, "intermediate"]))
    return replace(evidence, results={**evidence.results, variant: kept}), settings


def _target_collapsed(evidence: Evidence, cell: ResultCell) -> bool:
    """Whether a training of the target itself collapsed."""
    known = map(evidence.facts, cell.target_trainings)
    return any(facts.get("collapsed") for facts in known if facts)


def _mean(alone: list[TargetScores]) -> Iterator[TargetScores]:
    """The mean over targets, at the points that all of them have."""
    if len(alone) < 2:
        return
    shared = [point for point in alone[0].table if all(point in one.table for one in alone)]
    table = {point: _rows({one.target: one.table[point] for one in alone}) for point in shared}
    baseline = _rows({one.target: one.baseline for one in alone})
    lowest = float(np.mean([one.lowest for one in alone]))
    yield TargetScores(MEAN, alone[0].group, table, baseline, lowest)


def _rows(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """[targets, seeds]: each target's mean over its languages."""
    return pd.DataFrame({target: table.mean() for target, table in tables.items()}).T


def dev_scores(evidence: Evidence, group: TaskGroup) -> dict[str, float]:
    """Task with more data → mean English dev score of the trained targets over its whole curve.

    NaN where a run has none; empty if no target is trained. No test score is used.
    """
    scores: dict[str, list[float]] = {}
    for point in group.points:
        if point.curve != MORE_TASKS:
            cells = evidence.cells.get(point.variant, ())
            trained = dict.fromkeys(
                cell.target_trainings[-1]
                for cell in cells
                if cell.target_trainings
                and cell.intermediate == point.setting
                and TargetName.parse(cell.target).is_zero_shot
            )
            dev = [(evidence.facts(key) or {}).get("dev_mean") for key in trained]
            scores.setdefault(point.curve, []).extend(
                NAN if one is None else float(one) for one in dev
            )
    return {task: float(np.mean(values)) for task, values in scores.items() if values}
