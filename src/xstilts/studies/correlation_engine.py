"""Do measures of intermediate tasks predict their gains? The engine of correlation studies.

The data points are tasks. Correlations, their intervals and p values are those of
`statistics.association`; Holm's correction counts a family of targets and measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, isnan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from xstilts.statistics.association import (
    MIN_POINTS,
    Influence,
    associate,
    detectable_correlation,
    leave_one_out,
    partial,
    points_needed,
)
from xstilts.statistics.estimate import Estimate, join_notes, missing_estimate
from xstilts.studies.base import Finding, StudyTable
from xstilts.studies.render import join_names, results_table, slug
from xstilts.studies.result import CORRELATION, Result, adjusted

POOLED = "all"
"""Stands for a target's name where gains are means over all targets."""
UNMEASURED = "not measured"
ONE_SEED_EACH = "over tasks with one seed each: the noise of seeds is unknown"
"""Next to verdicts on gains of one seed: tasks are the data points, so they can be tested."""
KENDALL, PARTIAL = "kendall", "partial"
Gains = Mapping[str, "pd.Series[float]"]
"""Target → by task; tasks without a gain may be missing or NaN."""
Predicted = Callable[[str], pd.DataFrame]
"""Target → [tasks, measures], the covariates among them; NaN where unknown."""


@dataclass(frozen=True)
class Predictor:
    """A measure that may predict gains.

    Args:
        description: the measure in words.
        high: what a high value means.
        sign: -1 where the measure is negated, so that a high value means more similar.
        semantic: whether it compares the content of two tasks, not their form or size.
    """

    description: str
    high: str = ""
    sign: int = 1
    semantic: bool = True

    def note(self, name: str) -> str:
        """The note of a table on its column."""
        return f"{name}: {self.description}; high: {self.high}"


@dataclass(frozen=True)
class CorrelationDesign:
    """What a study of correlations asks.

    Args:
        predictors: measure → its description.
        outcome: what is predicted, on all targets.
        covariates: the measures that partial correlations control for.
        draws: permutations behind each p value.
        one_seed: whether each gain is of one seed.
    """

    predictors: Mapping[str, Predictor]
    outcome: str
    covariates: Sequence[str]
    draws: int
    one_seed: bool = False

    def family(self, gains: Gains, predicted: Predicted, measures: Iterable[str]) -> list[Result]:
        """Every measure with the gain on every target, corrected over all of these."""
        return adjusted(self.correlate(gains, predicted, list(measures)))

    def correlate(
        self, gains: Gains, predicted: Predicted, measures: Sequence[str]
    ) -> list[Result]:
        """The same without correction."""
        return [
            self._result(target, measure, gain, predicted(target))
            for target, gain in gains.items()
            for measure in measures
        ]

    def _result(
        self, target: str, measure: str, gain: pd.Series[float], predicted: pd.DataFrame
    ) -> Result:
        points = predicted.reindex(gain.index)
        x, y = (side.to_numpy(dtype=np.float64) for side in (points[measure], gain))
        covariates = points[[name for name in self.covariates if name != measure]]
        if np.isnan(x).all():
            rho = tau = given = missing_estimate(0, UNMEASURED)
        else:
            rho = associate(x, y, "spearman", self.draws)
            tau = associate(x, y, "kendall", self.draws)
            given = _partial(x, y, covariates, self.draws)
        predictor = self.predictors[measure]
        high = f" (high: {predictor.high})" if predictor.high else ""
        outcome = self.outcome if target == POOLED else f"gain on {target}"
        return Result(
            measure if target == POOLED else f"{measure}-{slug(target)}",
            f"Spearman's rho of {predictor.description}{high} and {outcome}",
            rho,
            CORRELATION,
            power=detectable(rho.n),
            labels={"target": target, "measure": measure}
            | ({"high means": predictor.high} if predictor.high else {}),
            extra={KENDALL: tau, PARTIAL: given},
            limits=limits_of(one_seed=self.one_seed),
        )


def limits_of(*, one_seed: bool) -> str:
    """What tests over tasks leave out, next to their verdicts."""
    return ONE_SEED_EACH if one_seed else ""


def _partial(x: ArrayLike, y: ArrayLike, covariates: pd.DataFrame, draws: int) -> Estimate:
    missing = [str(name) for name in covariates if covariates[name].isna().all()]
    if missing or covariates.empty:
        notes = [f"{name} is {UNMEASURED}" for name in missing]
        return missing_estimate(len(covariates), join_notes(notes))
    return partial(x, y, {str(name): covariates[name] for name in covariates}, draws)


@cache
def detectable(n: int) -> float:
    """The smallest correlation that n tasks show with 80 % power; infinite if none."""
    correlation = detectable_correlation(n)
    return inf if isnan(correlation) else correlation


def partial_result(result: Result, covariates: str) -> Result:
    """The partial correlation of a result, as a result of its own."""
    question = f"{result.question}, given {covariates}"
    name, estimate = f"{result.name}-partial", result.extra[PARTIAL]
    return Result(name, question, estimate, CORRELATION, limits=result.limits)


def measured(results: Iterable[Result]) -> list[Result]:
    """The results without those of measures that were not taken; caveats name these."""
    return [result for result in results if result.estimate.note != UNMEASURED]


def unmeasured_caveat(results: Iterable[Result]) -> Iterator[str]:
    """Which measures were not taken."""
    lost = (result for result in results if result.estimate.note == UNMEASURED)
    if names := dict.fromkeys(str(result.labels["measure"]) for result in lost):
        yield f"Not measured: {join_names(list(names))}."


def correlations_table(
    name: str, title: str, results: Sequence[Result], notes: Sequence[str]
) -> Iterator[StudyTable]:
    """Every measure against the gain on every target; none without results."""
    if results:
        yield results_table(name, title, results, notes, "spearman", tested=(KENDALL, PARTIAL))


def influence_of_tasks(measure: pd.Series[float], gains: pd.Series[float]) -> list[Influence]:
    """Of each task on Spearman's correlation; empty if there are too few tasks."""
    points = pd.DataFrame({"x": measure, "y": gains}).dropna()
    if len(points) <= MIN_POINTS or points.nunique().min() < 2:
        return []
    return leave_one_out([str(task) for task in points.index], points["x"], points["y"])


def influence_finding(
    measure: pd.Series[float], gains: pd.Series[float], what: str
) -> Iterator[Finding]:
    """The most influential task; none if there are too few tasks.

    Args:
        what: the two sides of the correlation in words.
    """
    for task in influence_of_tasks(measure, gains)[:1]:
        yield Finding(
            "influence",
            f"Most influential task: {task.name}. Without it, rho of {what} is "
            f"{task.without:.2f}, a change of {task.change:+.2f}.",
        )


def influence_table(title: str, measures: pd.DataFrame, gains: pd.Series[float]) -> StudyTable:
    """Each task's influence on the correlation of each measure with the gains."""
    rows = [
        (measure, task.name, task.without, task.change)
        for measure in measures
        for task in influence_of_tasks(measures[measure], gains)
    ]
    frame = pd.DataFrame(rows, columns=["measure", "task", "rho without it", "change"])
    note = "The largest change first; empty with fewer than six tasks."
    return StudyTable("influence", title, frame, (note,))


def tasks_needed_table(correlations: Iterable[float]) -> StudyTable:
    """How many tasks would be needed to find each of these correlations."""
    rows = [(rho, points_needed(rho), points_needed(rho, "kendall")) for rho in correlations]
    frame = pd.DataFrame(rows, columns=["correlation", "tasks (Spearman)", "tasks (Kendall)"])
    title = "Number of intermediate tasks needed to find a correlation"
    note = "With 80 % power at the 5 % level, two-sided, before any correction; by Fisher's z."
    return StudyTable("tasks-needed", title, frame, (note,))
