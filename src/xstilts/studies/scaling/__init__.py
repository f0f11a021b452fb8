"""`scaling`: more tasks, or more data of one task?

Both are trained at the same budgets, k units of examples for k = 1, 2, 4 … up to the number of
tasks, and so with the same number of optimizer steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from xstilts.analysis.gains import ONE_SEED
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import CompiledPlan
from xstilts.statistics.estimate import NAN
from xstilts.studies import base, render
from xstilts.studies.prospects import Prospect, seeds_prospect
from xstilts.studies.result import Result, adjusted
from xstilts.studies.scaling.analysis import ScalingAnalysis
from xstilts.studies.scaling.budgets import (
    Budget,
    budget_caveats,
    budgets_of,
    budgets_table,
    equal_budgets_text,
)
from xstilts.studies.scaling.curves import SCALE, curve_caveats, curves_figure, curves_table
from xstilts.studies.scaling.design import MORE_TASKS, ScalingDesign, TaskGroup, designed
from xstilts.studies.scaling.scores import MEAN, TargetScores, dev_scores, target_scores

NAME = "scaling"
QUESTION = "More tasks, or more data of one task, at an equal budget of examples and steps?"
OVER = (
    "Intervals are over languages and seeds, those of the mean over targets and seeds; for the "
    "orders of tasks that were run."
)
NOT_CHOSEN = (
    "No English dev score shows which single task is best for these targets; the first is used, "
    "and all are in the tables."
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


def prospects(loaded: LoadedExperiment, _: Mapping[str, CompiledPlan]) -> Iterator[Prospect]:
    """Of the difference at the largest budget, of each group of targets."""
    question = "Score with all tasks minus score with as many examples of one task"
    design, seeds = designed(loaded), len(set(loaded.experiment.seeds))
    if not design.groups:
        yield seeds_prospect(question, seeds, design.problem)
    for group in design.groups:
        needed = design.unit * len(group.tasks)
        problem = "" if group.long else f"no task has {needed} training examples"
        yield seeds_prospect(f"{question}, on {', '.join(group.targets)}", seeds, problem)


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
        if equal := equal_budgets_text(self.budgets):
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
        yield curves_table(self.analyses)
        yield budgets_table(self.budgets, self.design.unit)

    def _differences(self, analysis: ScalingAnalysis) -> Iterator[Result]:
        for result in analysis.differences.values():
            last = result is analysis.at_largest
            yield self.at_largest[analysis.scores.target] if last else result

    def figures(self) -> Iterator[base.Figure]:
        """Score against budget, and Shapley values where there are any, of the first target."""
        first = self.analyses[0]
        yield curves_figure(first)
        known = [one.in_points() for one in first.contributions if not isnan(one.estimate.value)]
        if known:
            title = f"Contribution of each task to the mixture: {first.scores.target}"
            x, y = "tasks, the largest first", "Shapley value (points)"
            values = render.results_series("Shapley value", known, "task", start=1)
            yield base.Figure("shapley", title, x, y, (values,), zero=True)

    def caveats(self) -> Iterator[str]:
        """What is excluded, the design, the budgets, the curves, and the choice of a task."""
        if len(self.evidence.loaded.experiment.seeds) == 1:
            yield ONE_SEED
        yield from self.scores[1]
        yield from self.design.caveats(self.evidence.loaded.experiment.targets)
        yield from budget_caveats(self.budgets, self.design.unit)
        yield from curve_caveats(self.analyses)
        if not all(one.chosen for one in self.analyses):
            yield NOT_CHOSEN
        for one in self.analyses:
            if all(table.size < 2 for table in one.scores.table.values()):
                yield f"{one.scores.target}: one language and one seed give no interval."


STUDY = base.Study(NAME, QUESTION, needs, answer, prospects)
