"""`scaling`: more tasks, or more data of one task?

Both are trained at the same budgets, k units of examples for k = 1, 2, 4 … up to the number of
tasks, and so with the same number of optimizer steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isnan

import numpy as np
import pandas as pd

from xstilts.analysis.gains import ONE_SEED
from xstilts.config.load import LoadedExperiment
from xstilts.statistics.estimate import NAN
from xstilts.studies import base, render
from xstilts.studies.result import Result, adjusted
from xstilts.studies.scaling.analysis import ScalingAnalysis, curve_text
from xstilts.studies.scaling.design import MORE_TASKS, ScalingDesign, TaskGroup, designed
from xstilts.studies.scaling.scores import (
    MEAN,
    Budget,
    TargetScores,
    budgets_of,
    dev_scores,
    target_scores,
)

NAME = "scaling"
QUESTION = "More tasks, or more data of one task, at an equal budget of examples and steps?"
GRID = 24
SCALE = "Scores and gains are between 0 and 1."
OVER = (
    "Intervals are over languages and seeds, those of the mean over targets and seeds; for the "
    "orders of tasks that were run."
)
CURVES = (
    "score = limit - drop * examples^(-rate), by least squares; intervals by profile likelihood, "
    "which ignores that points share tasks and seeds. The limit is an extrapolation."
)
NOT_CHOSEN = (
    "No English dev score shows which single task is best for these targets; the first is used, "
    "and all are in the tables."
)
UNEQUAL = (
    "Budgets are not equal: {}; see the table of budgets. Reasons are texts of several windows, "
    "rows that could not be used, `max_task_size` and `patience`."
)


NOTES = {
    "equal-budget": "`chosen`: the task that English dev prefers, or the first if dev scores "
    "cannot choose. `p_holm`: over targets, at the largest budget.",
    "doublings": "From and to are training examples; the last row of a curve is the mean of all "
    "its doublings. `fitted`: the same doubling of the fitted curve.",
    "crossings": "In examples.",
    "shapley": "`error`: the standard error of not having run all orders, 0 if all subsets were "
    "run; the interval includes it. Rotations of one order share neighbours, which is not in it.",
    "scores": "One row for each training set.",
}


def needs(loaded: LoadedExperiment) -> base.StudyRequirements:
    """The variants with the mixtures and the larger amounts of single tasks."""
    design = designed(loaded)
    notes = (design.unknown_text,) if design.unknown else ()
    return base.StudyRequirements(design.variants(loaded), notes=notes)


def answer(evidence: base.Evidence) -> base.Answer:
    """Differences at equal budgets, doublings, curves and Shapley values."""
    design = designed(evidence.loaded)
    if not design.groups:
        return base.Answer(NAME, QUESTION, f"Nothing can be compared: {design.problem}.")
    study = ScalingStudy(evidence, design)
    if study.analyses:
        return render.answer(NAME, QUESTION, [study])
    return base.Answer(NAME, QUESTION, render.NO_SCORES, caveats=tuple(study.caveats()))


@dataclass(frozen=True)
class ScalingStudy:
    """All targets; the mean of them, or the only one, first."""

    evidence: base.Evidence
    design: ScalingDesign

    @cached_property
    def budgets(self) -> list[Budget]:
        """What each intermediate training saw."""
        return budgets_of(self.evidence, self.design)

    @cached_property
    def scores(self) -> tuple[list[TargetScores], list[str]]:
        """Every target's scores, and what is excluded."""
        return target_scores(self.evidence, self.design, self.budgets)

    @cached_property
    def analyses(self) -> list[ScalingAnalysis]:
        """One for each target with scores."""
        best = {group: self._best(group) for group in self.design.groups}
        return [
            ScalingAnalysis(one, *best[one.group], self.design.unit)
            for one in self.scores[0]
            if one.group.long and one.table
        ]

    def _best(self, group: TaskGroup) -> tuple[str, bool]:
        """The task with more data that dev prefers, and whether dev scores could choose it."""
        dev = dev_scores(self.evidence, group)
        if group.long and not any(isnan(dev.get(task, NAN)) for task in group.long):
            return max(group.long, key=lambda task: dev[task]), True
        return next(iter(group.long), ""), len(group.long) == 1

    @cached_property
    def at_largest(self) -> dict[str, Result]:
        """Target → the difference at the largest budget; Holm over targets, without the mean."""
        results = {one.scores.target: one.at_largest for one in self.analyses}
        alone = [target for target in results if target != MEAN]
        return results | dict(zip(alone, adjusted([results[one] for one in alone]), strict=True))

    def summary(self) -> str:
        """All tasks against one at the largest budget, the targets, and the crossing."""
        first, results = self.analyses[0], list(self.at_largest.values())
        targets = [one.in_points() for one in results if one.labels["target"] != MEAN]
        names = render.significant_names(targets, "differences by target", "target")
        main = self.at_largest[first.scores.target].in_points()
        return f"{render.summary([main])} {names} {render.summary([first.crossings[first.best]])}"

    def findings(self) -> Iterator[base.Finding]:
        """Equal budgets; the difference, doublings, crossing and largest contribution by target."""
        if equal := self._equal_budgets():
            yield base.Finding("equal-budget", equal)
        for one in self.analyses:
            yield render.finding(self.at_largest[one.scores.target].in_points())
            for curve in (MORE_TASKS, one.best):
                own = [result for result in one.doublings if result.labels["curve"] == curve]
                yield from (render.finding(result.in_points()) for result in own[-1:])
            yield render.finding(one.crossings[one.best])
            yield render.finding(one.contributions[0].in_points())

    def tables(self) -> Iterator[base.StudyTable]:
        """Every number of every target, and what the trainings saw."""
        every, corrected, single = self.analyses, ("p", "p_holm"), ("p",)
        for name, title, value, tests, results in (
            (
                "equal-budget",
                "More tasks minus more data of one task, at equal budgets",
                "difference",
                corrected,
                [result for one in every for result in self._differences(one)],
            ),
            (
                "doublings",
                "Gain of doubling the budget",
                "gain",
                single,
                [result for one in every for result in one.doublings],
            ),
            (
                "crossings",
                "Where the curves cross",
                "examples",
                (),
                [result for one in every for result in one.crossings.values()],
            ),
            (
                "shapley",
                "Contribution of each task to the mixture",
                "value",
                (),
                [result for one in every for result in one.contributions],
            ),
            (
                "scores",
                "The scores",
                "score",
                (),
                [result for one in every for result in one.points],
            ),
        ):
            notes = (SCALE, OVER, NOTES[name])
            yield render.results_table(name, title, results, notes, value, tests)
        rows = [row for one in self.analyses for row in _curve_rows(one)]
        yield base.StudyTable("curves", "Saturating curves", pd.DataFrame(rows), (SCALE, CURVES))
        rows = [
            {
                "curve": one.point.curve,
                "intermediate": one.point.setting,
                "planned": one.point.size * self.design.unit,
                "examples": one.examples,
                "steps": one.steps,
            }
            for one in self.budgets
        ]
        frame = pd.DataFrame(rows).drop_duplicates(ignore_index=True)
        title = "Examples and steps of each training"
        yield base.StudyTable("budgets", title, frame, ("Of the first seed.",))

    def _differences(self, analysis: ScalingAnalysis) -> Iterator[Result]:
        for result in analysis.differences.values():
            last = result is analysis.at_largest
            yield self.at_largest[analysis.scores.target] if last else result

    def figures(self) -> Iterator[base.Figure]:
        """Score against budget, and Shapley values where there are any, of the first target."""
        first = self.analyses[0]
        order = sorted(first.curves, key=lambda name: name not in (MORE_TASKS, first.best))
        series = tuple(one for name in order for one in _series(first, name))
        title, x = f"More tasks or more data: {first.scores.target}", "training examples in all"
        yield base.Figure("budget", title, x, "score, points of 100", series, logarithmic=True)
        known = [one.in_points() for one in first.contributions if not isnan(one.estimate.value)]
        if known:
            title = f"Contribution of each task to the mixture: {first.scores.target}"
            x, y = "tasks, the largest first", "Shapley value, points of 100"
            values = render.results_series("Shapley value", known, "task", start=1)
            yield base.Figure("shapley", title, x, y, (values,), zero=True)

    def caveats(self) -> Iterator[str]:
        """What is excluded, the design, the budgets, the curves, and the choice of a task."""
        if len(self.evidence.loaded.experiment.seeds) == 1:
            yield ONE_SEED
        yield from self.scores[1]
        yield from self.design.caveats(self.evidence.loaded.experiment.targets)
        yield from self._budget_caveats()
        notes: dict[str, list[str]] = {}
        for one in self.analyses:
            for name, curve in one.curves.items():
                if curve.note:
                    notes.setdefault(curve.note, []).append(f"{name} on {one.scores.target}")
        yield from (f"Curves ({'; '.join(where)}): {note}." for note, where in notes.items())
        if not all(one.chosen for one in self.analyses):
            yield NOT_CHOSEN
        for one in self.analyses:
            if all(table.size < 2 for table in one.scores.table.values()):
                yield f"{one.scores.target}: one language and one seed give no interval."

    def _by_size(self, name: str) -> dict[int, set[float]]:
        """Size → the numbers of examples or steps that were seen at it."""
        found: dict[int, set[float]] = {}
        for one in self.budgets:
            if not isnan(getattr(one, name)):
                found.setdefault(one.point.size, set()).add(getattr(one, name))
        return found

    def _equal_budgets(self) -> str:
        """That budgets were equal; empty if they were not, or are unknown."""
        steps, examples = self._by_size("steps"), self._by_size("examples")
        if not steps or any(len(found) != 1 for found in (*steps.values(), *examples.values())):
            return ""
        ends = [(*examples[size], *steps[size]) for size in (min(steps), max(steps))]
        smallest, largest = (f"{rows:.0f} examples and {count:.0f} steps" for rows, count in ends)
        return (
            "At each budget all curves were trained on the same number of examples for the same "
            f"number of optimizer steps: from {smallest} to {largest}."
        )

    def _budget_caveats(self) -> Iterator[str]:
        unit = self.design.unit
        for name in ("examples", "steps"):
            unequal = [
                f"{min(found):.0f} to {max(found):.0f} {name} at {size * unit} examples"
                for size, found in sorted(self._by_size(name).items())
                if len(found) > 1
            ]
            if unequal:
                yield UNEQUAL.format(render.join_names(unequal))
        if unknown := sum(isnan(one.steps) for one in self.budgets):
            yield f"Training sets without a finished training: {unknown} of {len(self.budgets)}."


def _curve_rows(analysis: ScalingAnalysis) -> Iterator[dict[str, object]]:
    for name, curve in analysis.curves.items():
        yield {
            "target": analysis.scores.target,
            "curve": name,
            "points": curve.n,
            "rate": curve.rate,
            "drop": curve.drop,
            **render.estimate_columns("limit", curve.limit()),
            "largest": curve.largest,
            **render.estimate_columns("at largest", curve.at(curve.largest)),
            "note": curve.note,
        }


def _series(analysis: ScalingAnalysis, name: str) -> Iterator[base.Series]:
    """The points of a curve, and the fit if there is one; bands for the two that matter."""
    curve = analysis.curves[name]
    points = dict(analysis.on_curve(name))
    sizes = tuple(float(point.size * analysis.unit) for point in points)
    scores = tuple(100 * float(table.to_numpy().mean()) for table in points.values())
    yield base.Series(curve_text(name), sizes, scores)
    if curve.fitted:
        grid = np.geomspace(curve.smallest, curve.largest, GRID)
        grid[-1] = curve.largest
        rows = (grid, 100 * curve.values(grid), *(100 * end for end in curve.interval(grid)))
        x, y, low, high = (tuple(map(float, row)) for row in rows)
        if name not in (MORE_TASKS, analysis.best):
            low = high = ()
        yield base.Series(f"{curve_text(name)}, fitted", x, y, low, high, line=True)


STUDY = base.Study(NAME, QUESTION, needs, answer)
