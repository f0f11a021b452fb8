"""The numbers of the study as tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from xstilts.statistics.curves import Curve
from xstilts.statistics.estimate import NAN, Estimate
from xstilts.statistics.hierarchical import over_languages_and_seeds
from xstilts.statistics.multiple_testing import holm
from xstilts.studies.base import Figure, Series, StudyTable, points_series
from xstilts.studies.scaling.analysis import (
    TaskContribution,
    crossed,
    curve_of,
    differences,
    doublings_of,
    task_contributions,
)
from xstilts.studies.scaling.design import MORE_TASKS
from xstilts.studies.scaling.scores import MEAN, Budget, TargetScores
from xstilts.studies.text import in_points

GRID = 24
SCALE = "Scores and gains are between 0 and 1."
OVER = (
    "Intervals are over languages and seeds, those of the mean over targets and seeds; for the "
    "orders of tasks that were run."
)


@dataclass(frozen=True)
class ScalingResults:
    """Everything about one target; computed once.

    Args:
        best: the task with more data that English dev prefers.
        chosen: whether dev could choose it.
        unit: examples.
    """

    scored: TargetScores
    best: str
    chosen: bool
    unit: int

    @property
    def target(self) -> str:
        """Its name."""
        return self.scored.target

    @property
    def largest(self) -> int:
        """Units of the largest budget."""
        return len(self.scored.group.tasks)

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Fits by curve."""
        names = (MORE_TASKS, *self.scored.group.long)
        return {name: curve_of(self.scored, name, self.unit) for name in names}

    @cached_property
    def steps(self) -> dict[str, dict[tuple[int, int], Estimate]]:
        """Gains of doublings by curve."""
        return {name: doublings_of(self.scored, name) for name in self.curves}

    @cached_property
    def differences(self) -> dict[str, dict[int, Estimate]]:
        """By task with more data, then by budget: more tasks minus more data."""
        return {task: differences(self.scored, task) for task in self.scored.group.long}

    @cached_property
    def crossings(self) -> dict[str, Estimate]:
        """By task with more data, in examples."""
        return {
            task: crossed(self.scored, task, self.curves[MORE_TASKS], self.curves[task], self.unit)
            for task in self.scored.group.long
        }

    @cached_property
    def worths(self) -> list[TaskContribution]:
        """Shapley values, the largest first."""
        return sorted(
            task_contributions(self.scored), key=lambda worth: -np.nan_to_num(worth.share.value)
        )

    @property
    def at_the_end(self) -> Estimate:
        """All tasks against the best one, at the largest budget."""
        return self.differences[self.best][self.largest]


def corrected(judged: Sequence[ScalingResults]) -> dict[str, float]:
    """Target → p of the difference at the largest budget, by Holm over targets."""
    tested = [one for one in judged if one.target != MEAN]
    found = holm(np.array([one.at_the_end.p for one in tested], dtype=np.float64))
    return {one.target: float(p) for one, p in zip(tested, found, strict=True)}


def tables(
    judged: Sequence[ScalingResults], budgets: Sequence[Budget], unit: int
) -> list[StudyTable]:
    """All tables, the answer's own first."""
    adjusted = corrected(judged)
    return [
        _table(
            "equal-budget",
            "More tasks minus more data of one task, at equal budgets",
            _equal(judged, adjusted),
            "`chosen`: the task that English dev prefers, or the first where dev cannot tell. "
            "`p_holm`: over targets, at the largest budget.",
        ),
        _table(
            "doublings",
            "What a doubling of the budget brings",
            _doublings(judged),
            "From and to are training examples; the last row of a curve is the mean of all its "
            "doublings. `fitted`: the same doubling read off the curve.",
        ),
        _table(
            "curves",
            "Saturating curves",
            _curves(judged),
            "score = limit - drop * examples^(-rate), by least squares; intervals by profile "
            "likelihood. The limit lies beyond the data. Points share tasks and seeds, which these "
            "intervals do not see.",
        ),
        _table("crossings", "Where the curves cross", _crossings(judged), "In examples."),
        _table(
            "shapley",
            "What each task adds to the mixture",
            _shapley(judged),
            "`error`: the standard error from not having run all orders, one for all tasks, 0 "
            "where all subsets were. The interval has it and the one over languages and seeds. "
            "Orders that are turns of one do not show what two neighbours of it have in common.",
        ),
        _table("scores", "The scores", _scores(judged), "One row for each training set."),
        StudyTable(
            "budgets",
            "What was trained on",
            _budgets(budgets, unit),
            ("Of the first seed; `planned` is what the design asks for.",),
        ),
    ]


def _table(name: str, title: str, rows: Iterable[dict[str, Any]], note: str) -> StudyTable:
    return StudyTable(name, title, pd.DataFrame(list(rows)), (SCALE, OVER, note))


def _numbers(estimate: Estimate, name: str) -> dict[str, Any]:
    return {name: estimate.value, "low": estimate.low, "high": estimate.high}


def _tested(estimate: Estimate, name: str) -> dict[str, Any]:
    return {**_numbers(estimate, name), "p": estimate.p, "n": estimate.n}


def _equal(
    judged: Sequence[ScalingResults], adjusted: dict[str, float]
) -> Iterator[dict[str, Any]]:
    for one in judged:
        for task, found in one.differences.items():
            for size, estimate in found.items():
                last = task == one.best and size == one.largest
                yield {
                    "target": one.target,
                    "one task": task,
                    "chosen": task == one.best,
                    "tasks": size,
                    "examples": size * one.unit,
                    **_tested(estimate, "difference"),
                    "p_holm": adjusted.get(one.target, NAN) if last else NAN,
                    "note": estimate.note,
                }


def _doublings(judged: Sequence[ScalingResults]) -> Iterator[dict[str, Any]]:
    for one in judged:
        for curve, found in one.steps.items():
            for (low, high), estimate in found.items():
                fitted = one.curves[curve].per_doubling(low * one.unit)
                doubling = high == 2 * low
                yield {
                    "target": one.target,
                    "curve": curve,
                    "from": low * one.unit,
                    "to": high * one.unit,
                    **_tested(estimate, "gain"),
                    "fitted": fitted.value if doubling else NAN,
                    "fitted low": fitted.low if doubling else NAN,
                    "fitted high": fitted.high if doubling else NAN,
                    "note": estimate.note,
                }


def _curves(judged: Sequence[ScalingResults]) -> Iterator[dict[str, Any]]:
    for one in judged:
        for name, curve in one.curves.items():
            limit, last = curve.limit(), curve.at(curve.largest)
            yield {
                "target": one.target,
                "curve": name,
                "points": curve.n,
                "rate": curve.rate,
                "drop": curve.drop,
                "limit": limit.value,
                "limit low": limit.low,
                "limit high": limit.high,
                "largest": curve.largest,
                **_numbers(last, "at largest"),
                "note": curve.note,
            }


def _crossings(judged: Sequence[ScalingResults]) -> Iterator[dict[str, Any]]:
    for one in judged:
        for task, found in one.crossings.items():
            row = {"target": one.target, "one task": task, **_numbers(found, "examples")}
            yield {**row, "note": found.note}


def _shapley(judged: Sequence[ScalingResults]) -> Iterator[dict[str, Any]]:
    for one in judged:
        for worth in one.worths:
            yield {
                "target": one.target,
                "task": worth.share.task,
                **_numbers(worth.estimate, "value"),
                "error": worth.share.standard_error,
                "orders": worth.share.orders,
                "note": worth.estimate.note,
            }


def _scores(judged: Sequence[ScalingResults]) -> Iterator[dict[str, Any]]:
    for one in judged:
        for point, table in one.scored.table.items():
            found = over_languages_and_seeds(table.to_numpy())
            yield {
                "target": one.target,
                "curve": point.curve,
                "intermediate": point.setting,
                "tasks": len(point.tasks),
                "examples": point.size * one.unit,
                "score": float(table.to_numpy().mean()),
                "low": found.low,
                "high": found.high,
                "rows": len(table),
                "seeds": table.shape[1],
            }


def _budgets(budgets: Sequence[Budget], unit: int) -> pd.DataFrame:
    rows = [
        {
            "curve": one.point.curve,
            "intermediate": one.point.setting,
            "planned": one.point.size * unit,
            "examples": one.examples,
            "steps": one.steps,
        }
        for one in budgets
    ]
    return pd.DataFrame(rows).drop_duplicates(ignore_index=True)


def figures(headline: ScalingResults) -> tuple[Figure, ...]:
    """Score against budget, and Shapley values where there are any, of one target."""
    worth = [one for one in headline.worths if not isnan(one.share.value)]
    return (_budget_figure(headline), *([_worth_figure(headline, worth)] if worth else []))


def _budget_figure(judged: ScalingResults) -> Figure:
    order = sorted(judged.curves, key=lambda name: name not in (MORE_TASKS, judged.best))
    series = [one for name in order for one in _series(judged, name)]
    return Figure(
        "budget",
        f"More tasks or more data: {judged.target}",
        "training examples in all",
        "score, points of 100",
        tuple(series),
        logarithmic=True,
    )


def _series(judged: ScalingResults, name: str) -> Iterator[Series]:
    """The points of a curve, and the fit where there is one; bands for the two that matter."""
    curve, unit = judged.curves[name], judged.unit
    points = [p for p in judged.scored.table if p.curve == name]
    values = [100 * float(judged.scored.table[p].to_numpy().mean()) for p in points]
    label = name if name == MORE_TASKS else f"more data of {name}"
    xs = tuple(float(point.size * unit) for point in points)
    yield Series(label, xs, tuple(values))
    if not curve.fitted:
        return
    grid = np.geomspace(curve.smallest, curve.largest, GRID)
    grid[-1] = curve.largest
    low, high = curve.interval(grid)
    band = name in (MORE_TASKS, judged.best)
    yield Series(
        f"{label}, fitted",
        tuple(map(float, grid)),
        tuple((100 * curve.values(grid)).tolist()),
        tuple((100 * low).tolist()) if band else (),
        tuple((100 * high).tolist()) if band else (),
        line=True,
    )


def _worth_figure(judged: ScalingResults, worth: Sequence[TaskContribution]) -> Figure:
    points = points_series(
        "Shapley value",
        [in_points(one.estimate) for one in worth],
        range(1, len(worth) + 1),
        [one.share.task for one in worth],
    )
    return Figure(
        "shapley",
        f"What each task adds to the mixture: {judged.target}",
        "tasks, the largest first",
        "Shapley value, points of 100",
        (points,),
        zero=True,
    )
