"""Differences, doublings, curves, crossings and Shapley values of one target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan, log2

import numpy as np
import pandas as pd

from xstilts.statistics.estimate import NAN, Estimate, Floats, join_notes, missing_estimate
from xstilts.statistics.hierarchical import mean_over_languages_and_seeds
from xstilts.statistics.power_law import Curve, crossing, fit
from xstilts.statistics.shapley import shapley_over_runs
from xstilts.studies.render import slug
from xstilts.studies.result import EXAMPLES, Result
from xstilts.studies.scaling.design import MORE_TASKS, Point, doublings
from xstilts.studies.scaling.scores import MEAN, TargetScores, mean_of

NO_RUNS = missing_estimate(0, "no scores to compare")


@dataclass(frozen=True)
class ScalingAnalysis:
    """Everything about one target; scores are between 0 and 1, crossings in examples.

    Args:
        best: the task with more data that English dev prefers.
        chosen: whether dev could choose it.
        unit: examples.
    """

    scores: TargetScores
    best: str
    chosen: bool
    unit: int

    @property
    def where(self) -> str:
        """The target in words."""
        return f"the {MEAN}" if self.scores.target == MEAN else self.scores.target

    def _result(self, name: str, question: str, estimate: Estimate, **labels: object) -> Result:
        name = f"{name}-{slug(self.scores.target)}"
        labels = {"target": self.scores.target, **labels}
        return Result(name, f"{question}, on {self.where}", estimate, labels=labels)

    @cached_property
    def differences(self) -> dict[tuple[str, int], Result]:
        """(task, size) → score with that many tasks minus score with more data of one task."""
        group = self.scores.group
        return {
            (task, size): self._difference(task, size)
            for task in group.long
            for size in doublings(len(group.tasks))
        }

    @property
    def at_largest(self) -> Result:
        """All tasks against the best one, at the largest budget."""
        return self.differences[self.best, len(self.scores.group.tasks)]

    def _difference(self, task: str, size: int) -> Result:
        more, single = self.scores.of(MORE_TASKS, size), self.scores.of(task, size)
        estimate = NO_RUNS
        if more is not None and single is not None:
            points = self.scores.group.on_curve(MORE_TASKS, size)
            orders = sum(point in self.scores.table for point in points)
            estimate = self._estimate((more - single).to_numpy(), MORE_TASKS, orders)
        examples, best = size * self.unit, task == self.best
        first = "" if self.chosen or not best else ", the first; dev scores cannot choose"
        question = (
            f"Score with {size} tasks of {self.unit} examples minus score with {examples} "
            f"examples of {task}{first}"
        )
        labels = {"one task": task, "chosen": best, "tasks": size, "examples": examples}
        return self._result("difference", question, estimate, **labels)

    @cached_property
    def doublings(self) -> list[Result]:
        """Each doubling that was run; last on a curve the mean doubling over all of its sizes."""
        results = []
        for curve in self.curves:
            sizes = self.scores.sizes(curve)
            pairs = [(size, 2 * size) for size in sizes if 2 * size in sizes]
            if len(sizes) > 1 and (sizes[0], sizes[-1]) not in pairs:
                pairs.append((sizes[0], sizes[-1]))
            results += [self._doubling(curve, low, high) for low, high in pairs]
        return results

    def _doubling(self, curve: str, low: int, high: int) -> Result:
        """From one size to another, for each doubling between them.

        Mixtures are compared with those that they grew from.
        """
        ends = (self.scores.group.on_curve(curve, size) for size in (low, high))
        table = self.scores.table
        changes = [
            table[after] - table[before]
            for before, after in zip(*ends, strict=True)
            if before in table and after in table
        ]
        estimate = NO_RUNS
        if changes:
            change = mean_of(changes).to_numpy() / log2(high / low)
            estimate = self._estimate(change, curve, len(changes))
        labels = {"curve": curve, "from": low * self.unit, "to": high * self.unit}
        question = f"Gain of doubling the budget by {curve_text(curve)}"
        question += f", from {labels['from']} to {labels['to']} examples"
        name = f"doubling-{'tasks' if curve == MORE_TASKS else 'data'}"
        fitted = missing_estimate(0, "")
        if high == 2 * low:
            fitted = self.curves[curve].per_doubling(low * self.unit)
        result = self._result(name, question, estimate, **labels)
        return replace(result, extra={"fitted": replace(fitted, note="")})

    def _estimate(self, table: Floats, curve: str, orders: int) -> Estimate:
        """The mean over languages and seeds, for the orders that were run."""
        planned = len(self.scores.group.orders)
        few = curve == MORE_TASKS and orders < planned
        note = f"{orders} of {planned} orders" if few else ""
        most = self.scores.largest_difference
        return mean_over_languages_and_seeds(table).noted(note).clipped(-most, most)

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Saturating curves through the points, one for each mixture and seed.

        The x axis is training examples in all. Means over languages are fitted: languages are
        the same at every point.
        """
        return {name: self._curve(name) for name in (MORE_TASKS, *self.scores.group.long)}

    def _curve(self, name: str) -> Curve:
        means = {point: table.mean() for point, table in self.on_curve(name)}
        sizes = [point.size * self.unit for point, seeds in means.items() for _ in seeds]
        return fit(sizes, [score for seeds in means.values() for score in seeds])

    def on_curve(self, name: str) -> Iterator[tuple[Point, pd.DataFrame]]:
        """The scores of a curve."""
        return ((point, table) for point, table in self.scores.table.items() if point.curve == name)

    @cached_property
    def crossings(self) -> dict[str, Result]:
        """Task → where its curve and that of more tasks cross.

        A crossing is claimed only if the scores also show each curve ahead on its side: two
        curves that begin with the same runs often cross somewhere.
        """
        return {task: self._crossing(task) for task in self.scores.group.long}

    def _crossing(self, task: str) -> Result:
        budget = crossing(self.curves[MORE_TASKS], self.curves[task])
        ahead = {
            (result.estimate.value > 0, size * self.unit > budget.value)
            for (other, size), result in self.differences.items()
            if other == task and result.estimate.significant
        }
        both = {(True, False), (False, True)} <= ahead or {(False, False), (True, True)} <= ahead
        if isnan(budget.low) or not both:
            why = "" if isnan(budget.low) else "not each of them is shown to be ahead on its side"
            budget = Estimate(NAN, n=budget.n, note=join_notes([budget.note, why]))
        question = f"Budget at which the curves of more tasks and of more data of {task} cross"
        return replace(
            self._result("crossing", question, budget, **{"one task": task}), unit=EXAMPLES
        )

    @cached_property
    def contributions(self) -> list[Result]:
        """The Shapley value of each task, the largest first."""
        group, baseline = self.scores.group, self.scores.baseline
        most = self.scores.largest_difference
        tables = {point.tasks: table for point, table in self.on_curve(MORE_TASKS)}
        runs = {
            subset: table.reindex_like(baseline).to_numpy()
            for subset, table in (tables | {frozenset[str](): baseline}).items()
        }
        results = [
            replace(
                self._result(
                    "shapley",
                    f"Largest contribution to a mixture (Shapley value), that of {value.task}",
                    estimate.clipped(-most, most),
                    task=value.task,
                ),
                numbers={"error": value.standard_error, "orders": value.orders},
            )
            for value, estimate in shapley_over_runs(runs, group.tasks, group.orders)
        ]
        return sorted(results, key=lambda one: -np.nan_to_num(one.estimate.value))

    @property
    def points(self) -> Iterator[Result]:
        """The mean score at each point."""
        for point, table in self.scores.table.items():
            labels = {
                "curve": point.curve,
                "intermediate": point.setting,
                "tasks": len(point.tasks),
                "examples": point.size * self.unit,
            }
            mean = mean_over_languages_and_seeds(table.to_numpy())
            mean = replace(mean, value=float(table.to_numpy().mean()), p=NAN)
            mean = mean.clipped(self.scores.lowest, 1.0)
            result = self._result("score", "Score", mean, **labels)
            yield replace(result, numbers={"rows": len(table), "seeds": table.shape[1]})


def curve_text(curve: str) -> str:
    """A curve in words."""
    return curve if curve == MORE_TASKS else f"more data of {curve}"
