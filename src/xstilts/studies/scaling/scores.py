"""What the runs scored, at each point of the design, and what they were trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from xstilts.analysis.exclusions import exclusion_texts
from xstilts.analysis.gains import COLUMNS, Gains, transfer_runs
from xstilts.analysis.run_states import RunState, has_state, without_state
from xstilts.planning.compile import ResultCell
from xstilts.statistics.estimate import NAN
from xstilts.studies.base import Evidence
from xstilts.studies.scaling.design import MORE_TASKS, Point, ScalingDesign, TaskGroup
from xstilts.studies.study_plan import gains_in
from xstilts.studies.training_budget import first_trainings

MEAN = "mean of the targets"


@dataclass(frozen=True)
class TargetScores:
    """One target's scores, or their mean over the targets of a group.

    Args:
        table: point → [languages, seeds] scores between 0 and 1, of languages other than English
            where there are any; of the mean: [targets, seeds].
        baseline: the same without intermediate training.
    """

    target: str
    group: TaskGroup
    table: Mapping[Point, pd.DataFrame]
    baseline: pd.DataFrame

    def of(self, curve: str, size: int) -> pd.DataFrame | None:
        """The mean over the mixtures of that size whose runs are sound; none without any."""
        (*wanted,) = self.group.nested(size) if curve == MORE_TASKS else self.longer(curve, size)
        return mean_of(self.table[point] for point in wanted if point in self.table)

    def longer(self, task: str, size: int) -> Iterator[Point]:
        """The point of one task alone with so many units."""
        return (p for p in self.group.points if (p.curve, p.size) == (task, size))

    def sizes(self, curve: str) -> list[int]:
        """The sizes with a score."""
        return sorted({point.size for point in self.table if point.curve == curve})


@dataclass(frozen=True)
class Budget:
    """What a training saw; NaN where nobody wrote it down."""

    point: Point
    examples: float
    steps: float


def mean_of(tables: Iterable[pd.DataFrame]) -> pd.DataFrame | None:
    """Cell by cell; none of none."""
    found = list(tables)
    if not found:
        return None
    return sum(found[1:], start=found[0]) / len(found)


def target_scores(
    evidence: Evidence, design: ScalingDesign
) -> tuple[list[TargetScores], list[str]]:
    """Every target's scores, the mean over the first group's first, and what was left out."""
    found: list[TargetScores] = []
    said: list[str] = []
    alike: list[str] = []
    for group in design.groups:
        tables: dict[str, dict[Point, pd.DataFrame]] = {}
        baselines: dict[str, pd.DataFrame] = {}
        for name in dict.fromkeys(point.variant for point in group.points):
            here = {p.setting: p for p in group.points if p.variant == name}
            kept, collapsed = _ignore_collapsed_intermediate(evidence, name, here)
            gains = _gains(kept, name)
            said += _left_out(gains, here, design.unit)
            alike += [f"{one} ({here[one].size * design.unit} examples)" for one in collapsed]
            for (target, setting), rows in transfer_runs(gains.table).groupby(
                ["target", "intermediate"]
            ):
                by_run = rows.set_index(["language", "seed"])
                baselines.setdefault(str(target), by_run["baseline"].unstack())
                for point in group.points:
                    if (point.variant, point.setting) == (name, setting):
                        tables.setdefault(str(target), {})[point] = by_run["score"].unstack()
        own = [TargetScores(name, group, table, baselines[name]) for name, table in tables.items()]
        found += [*_mean(own), *own] if group is design.groups[0] else own
    if alike:
        said.append(
            "Intermediate trainings that gave one answer to all of a task's English dev "
            "(collapsed) count here, as that is what little data may do: "
            f"{', '.join(dict.fromkeys(alike))}."
        )
    return found, list(dict.fromkeys(said))


def _gains(evidence: Evidence, variant: str) -> Gains:
    if variant not in evidence.results:
        return Gains(pd.DataFrame(columns=list(COLUMNS)))
    return gains_in(evidence, variant)


def _ignore_collapsed_intermediate(
    evidence: Evidence, variant: str, points: Mapping[str, Point]
) -> tuple[Evidence, list[str]]:
    """Without the state of intermediate trainings that collapsed, and the settings of these.

    Little data may teach a task nothing, which is what is asked about, and mixtures with one such
    task would be missing. A target's training that collapsed is excluded, as everywhere.
    """
    if variant not in evidence.results:
        return evidence, []
    frame = evidence.results[variant]
    early = {
        cell.key
        for cell in evidence.cells.get(variant, ())
        if cell.intermediate in points and not _lost_target(evidence, cell)
    }
    ignored = has_state(frame, RunState.COLLAPSED) & frame["key"].isin(early)
    kept = without_state(frame, RunState.COLLAPSED, ignored)
    settings = list(dict.fromkeys(frame.loc[ignored, "intermediate"]))
    return replace(evidence, results={**evidence.results, variant: kept}), settings


def _lost_target(evidence: Evidence, cell: ResultCell) -> bool:
    """Whether the target's own training collapsed, the last of two."""
    facts = evidence.facts(cell.trained_by[-1]) if len(cell.trained_by) == 2 else None
    return bool(facts and facts.get("collapsed"))


def _left_out(gains: Gains, points: Mapping[str, Point], unit: int) -> tuple[str, ...]:
    """Why points are missing; a setting alone would not say with how much data."""
    named = [
        replace(one, intermediate=f"{name} ({points[name].size * unit} examples)")
        for one in gains.exclusions
        if (name := one.intermediate) in points
    ]
    return (*gains.swept, *exclusion_texts(named))


def _mean(own: list[TargetScores]) -> Iterator[TargetScores]:
    """The mean over targets, at the points that all of them have."""
    if len(own) < 2:
        return
    shared = [point for point in own[0].table if all(point in one.table for one in own)]
    table = {point: _rows({one.target: one.table[point] for one in own}) for point in shared}
    baseline = _rows({one.target: one.baseline for one in own})
    yield TargetScores(MEAN, own[0].group, table, baseline)


def _rows(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """[targets, seeds]: each target's mean over its languages."""
    return pd.DataFrame({target: table.mean() for target, table in tables.items()}).T


def budgets(evidence: Evidence, design: ScalingDesign) -> list[Budget]:
    """What each intermediate training saw, as its stages wrote it; of the first seed."""
    found = []
    for group in design.groups:
        trained = {
            (name, setting): key
            for name in dict.fromkeys(point.variant for point in group.points)
            for setting, key in first_trainings(evidence.cells.get(name, ())).items()
        }
        for point in group.points:
            key = trained.get((point.variant, point.setting), "")
            found.append(Budget(point, *_seen(evidence, key)))
    return found


def _seen(evidence: Evidence, key: str) -> tuple[float, float]:
    """Examples and optimizer steps of a training."""
    artifact = evidence.store.get_valid(key) if key else None
    if artifact is None:
        return NAN, NAN
    inputs = artifact.manifest["stage"]["inputs"].items()
    rows = [evidence.facts(one) for role, one in inputs if role.startswith("train:")]
    examples = sum(float(facts.get("rows", NAN)) if facts else NAN for facts in rows)
    return examples, float(artifact.facts.get("steps", NAN))


def dev_scores(evidence: Evidence, group: TaskGroup) -> dict[str, float]:
    """Task with more data → mean English dev score of the trained targets over its whole curve.

    NaN where a run of it has none; nothing where no target is trained. Phase 3 writes it, so no
    target's test score is needed.
    """
    found: dict[str, list[float]] = {}
    for point in group.points:
        if point.curve != MORE_TASKS:
            for cell in _trained_targets(evidence.cells.get(point.variant, ())):
                if cell.intermediate == point.setting:
                    facts = evidence.facts(cell.trained_by[-1]) or {}
                    dev = facts.get("dev_mean")
                    found.setdefault(point.curve, []).append(NAN if dev is None else float(dev))
    return {task: float(np.mean(values)) for task, values in found.items()}


def _trained_targets(cells: Iterable[ResultCell]) -> Iterator[ResultCell]:
    """One cell for each training of a target: after a mixture there are two trainings."""
    seen = set[str]()
    for cell in cells:
        if len(cell.trained_by) == 2 and cell.trained_by[-1] not in seen:
            seen.add(cell.trained_by[-1])
            yield cell
