"""`reasoning`: do English reasoning tasks help reasoning targets more than other tasks do?

A group of intermediate tasks is compared with all other single tasks: over all targets, on
reasoning targets, on a target whose answers are numbers, and as an interaction of group and kind
of target. Where the tasks' training sets differ in size, a variant gives all of them one size.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan

import pandas as pd

from xstilts.analysis.gains import mean_or_nan
from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.training_steps import unequal_steps
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import CompiledPlan
from xstilts.statistics.estimate import missing_estimate
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies import base, render
from xstilts.studies import contrast_engine as engine
from xstilts.studies.equal_budget import EQUAL, budget_text, equalized
from xstilts.studies.prospects import PlannedGains, Prospect, contrast_prospect
from xstilts.studies.result import Result, adjusted, in_points, untested
from xstilts.studies.study_data import StudyData, read_data, single_tasks

NAME = "reasoning"
QUESTION = (
    "Does intermediate training on English reasoning tasks help zero-shot reasoning in other "
    "languages, also where it is not about language, more than other intermediate tasks do?"
)
TASKS = frozenset(
    ("hellaswag", "cosmosqa", "commonsenseqa", "socialiqa", "piqa", "winogrande", "copa")
)
"""The reasoning tasks; our choice."""
LINGUISTIC = frozenset(("xcopa", "xstorycloze", "xwinograd"))
"""XStoryCloze is not among the tasks of xstilts; a user's task of that name counts."""
NON_LINGUISTIC = frozenset(("mgsm-choice",))
TARGETS = LINGUISTIC | NON_LINGUISTIC
KINDS = ("reasoning", "not about language", "other")
GROUPS = ("reasoning", "other")
MORE = "Gain of reasoning tasks minus gain of the other intermediate tasks"
QUESTIONS = {
    "all-targets": f"{MORE}, over all targets",
    "reasoning-targets": f"{MORE}, on reasoning targets",
    "non-linguistic": f"{MORE}, on the target that is not about language (mgsm-choice)",
    "interaction": "This difference on reasoning targets minus the same on other targets",
}
"""Name → question. Holm's correction counts these, without the mixed models."""
WANTED = {
    "all-targets": "any in a language other than English",
    "reasoning-targets": ", ".join(sorted(TARGETS)),
    "non-linguistic": ", ".join(sorted(NON_LINGUISTIC)),
    "interaction": "one of reasoning and one of another kind",
}
"""Name → the targets that it needs."""
ONE_FORMAT = (
    "All reasoning tasks and targets here are multiple choice: an effect may be one of the format. "
    "A task of your own that is multiple choice without reasoning would separate the two; it "
    "counts among the others."
)


def needs(loaded: LoadedExperiment) -> base.StudyRequirements:
    """A variant with training sets of one size, if sizes differ and both groups have tasks."""
    variant = equalized(loaded, TASKS)
    return base.StudyRequirements({EQUAL: variant} if variant else {})


def answer(evidence: base.Evidence) -> base.Answer:
    """The contrasts of the variant if there is one, and the overall one as written."""
    tasks = single_tasks(evidence.loaded)
    group = {name for name, task in tasks.items() if task.name in TASKS}
    analysis = ReasoningAnalysis(read_data(evidence, tasks, group))
    if EQUAL in evidence.results:
        whole = analysis.contrast("all-targets")
        question = f"With the training sets as they are: {whole.question}"
        as_written = (replace(whole, name="as-written", question=question),)
        data = read_data(evidence, tasks, group, EQUAL)
        analysis = ReasoningAnalysis(data, as_written, budget_text(evidence))
    return render.answer(NAME, QUESTION, [analysis])


def prospects(loaded: LoadedExperiment, plans: Mapping[str, CompiledPlan]) -> Iterator[Prospect]:
    """Of each contrast."""
    planned = PlannedGains.of(plans.get(EQUAL, plans[base.OWN]))
    tasks = single_tasks(loaded)
    targets = {task_of(target) for target in loaded.experiment.targets}
    kinds = {
        "all-targets": (targets,),
        "reasoning-targets": (targets & TARGETS,),
        "non-linguistic": (targets & NON_LINGUISTIC,),
        "interaction": (targets & TARGETS, targets - TARGETS),
    }
    tests = sum(all(parts) for parts in kinds.values())
    for name, parts in kinds.items():
        usable = {one for one in tasks if all(planned.tasks_on([one], part) for part in parts)}
        group = {one for one in usable if tasks[one].name in TASKS}
        wanted = f"target for it ({WANTED[name]})"
        problem = next(filter(None, (planned.problem(part, wanted) for part in parts)), "")
        yield contrast_prospect(QUESTIONS[name], planned, (group, usable - group), tests, problem)


def kind_of(target: str) -> str:
    """The kind of a target; see `KINDS`."""
    reasoning, numeric, other = KINDS
    if target in NON_LINGUISTIC:
        return numeric
    return reasoning if target in LINGUISTIC else other


@dataclass(frozen=True)
class ReasoningAnalysis:
    """Contrasts of reasoning tasks with the others, in the experiment or a variant.

    Args:
        further: results of other variants.
        budget: the caveat on equal budgets; else empty.
    """

    data: StudyData
    further: tuple[Result, ...] = ()
    budget: str = ""

    @cached_property
    def contrasts(self) -> list[Result]:
        """Each question by tasks, corrected by Holm, and by a mixed model."""
        by_tasks = adjusted([self.contrast(name) for name in QUESTIONS])
        return [one for result in by_tasks for one in (result, *self._mixed(result))]

    @cached_property
    def results(self) -> list[Result]:
        """The contrasts, the mean gain, and further results."""
        return [*self.contrasts, self._mean_gain(), *self.further]

    def contrast(self, name: str) -> Result:
        """The answer to one of `QUESTIONS`, by tasks."""
        if problem := self._problem(name):
            return Result(name, QUESTIONS[name], missing_estimate(0, problem))
        kinds = TARGETS if name == "interaction" else ()
        return engine.contrast_result(
            name, QUESTIONS[name], self._rows(name), self.data.group, kinds
        )

    def _mixed(self, result: Result) -> Iterator[Result]:
        if not self._problem(result.name):
            kinds = TARGETS if result.name == "interaction" else ()
            yield engine.mixed_result(result, self._rows(result.name), self.data.group, kinds)

    def _targets(self, name: str) -> Collection[str]:
        some = {"reasoning-targets": TARGETS, "non-linguistic": NON_LINGUISTIC}
        return some.get(name, self.data.targets)

    def _rows(self, name: str) -> pd.DataFrame:
        """The gains that a question is about."""
        return self.data.table[self.data.table["target"].isin(self._targets(name))]

    def _problem(self, name: str) -> str:
        """Why a question has no answer; else empty."""
        if name != "interaction":
            return self._missing(self._targets(name))
        kinds = {"reasoning": TARGETS, "other": set(self.data.targets) - TARGETS}
        missing = {f"{kind} targets": self._missing(targets) for kind, targets in kinds.items()}
        return next((f"{kind}: {text}" for kind, text in missing.items() if text), "")

    def _missing(self, targets: Collection[str]) -> str:
        """Why there is no gain on some targets; else empty."""
        if self.data.table["target"].isin(targets).any():
            return ""
        if not (self.data.tasks and set(targets) & set(self.data.targets)):
            return "no such gains in this experiment"
        if not set(targets) & self.data.scored:
            return "no run on them has a score yet"
        return "all gains on them are excluded; see the caveats"

    def _mean_gain(self) -> Result:
        """Over the reasoning tasks that have all of their gains; the note names the others."""
        table = self._rows("reasoning-targets")
        means = engine.mean_gains(table[table["task"].isin(self.data.group)])
        lost = ", ".join(sorted(means.index[means.isna()]))
        estimate = in_points(one_sample_mean(means, "reasoning tasks"))
        if engine.has_one_seed(table) and not isnan(estimate.value):
            estimate = untested(estimate)
        estimate = estimate.noted(f"left out, gains are missing: {lost}" if lost else "")
        return Result("gain", "Mean gain of reasoning tasks on reasoning targets", estimate)

    def summary(self) -> str:
        """The contrast on reasoning targets, and on the one that is not about language."""
        main = ("reasoning-targets", "non-linguistic")
        return render.summary(result for result in self.contrasts if result.name in main)

    def findings(self) -> Iterator[base.Finding]:
        """One for each result."""
        return map(render.finding, self.results)

    def tables(self) -> Iterator[base.StudyTable]:
        """The results; the mean gain of both groups, and of every task, on every target."""
        table, group = self.data.table, self.data.group
        rows = [replace(result, labels={"contrast": result.name}) for result in self.results]
        note = f"Points (0–100). p_holm and q: corrected for {', '.join(QUESTIONS)}."
        yield render.results_table("contrasts", "Contrasts", rows, (note,))
        rows = [
            Result("", "", mean, labels={"target": target, "kind": kind_of(target), "group": name})
            for target in table["target"].unique()
            for name, mean in engine.group_means(
                table[table["target"] == target], group, GROUPS
            ).items()
        ]
        note = "Points (0–100); means over tasks with Student's interval, zero-shot."
        yield render.results_table(
            "targets", "Gain by target and group", rows, (note,), tests=("p",)
        )
        means = table.groupby(["task", "target"], sort=False)["gain"].agg(mean_or_nan).unstack()
        frame = {
            "task": means.index,
            "group": [GROUPS[task not in group] for task in means.index],
            "steps": [self.data.steps.get(str(task)) for task in means.index],
            **{str(target): 100 * means[target].to_numpy() for target in means.columns},
        }
        note = (
            "Gain in points (0–100), mean over languages other than English and over seeds. Empty: "
            "a run diverged, collapsed or is missing, or the task contains the target's data."
        )
        title = "Gain of every task on every target"
        yield base.StudyTable("tasks", title, pd.DataFrame(frame), (note,))

    def figures(self) -> Iterator[base.Figure]:
        """Mean gain by group and kind of target."""
        table, group = self.data.table, self.data.group
        kinds = table["target"].map(kind_of)
        ticks = tuple(kind for kind in KINDS if kind in set(kinds))
        means = [engine.group_means(table[kinds == kind], group, GROUPS) for kind in ticks]
        if series := tuple(engine.group_series(means, GROUPS)):
            title, y = "Zero-shot gain by kind of task and target", "gain (points)"
            yield base.Figure("gain-by-group", title, "target", y, series, zero=True, ticks=ticks)

    def caveats(self) -> Iterator[str]:
        """Exclusions, the choice of groups, one format, and training budgets."""
        yield from self.data.gains.caveats()
        group, others = (
            render.join_names(sorted(names)) or "none"
            for names in (self.data.group, self.data.others)
        )
        yield f"Reasoning tasks (our choice): {group}; others: {others}."
        yield ONE_FORMAT
        if self.budget:
            yield self.budget
        yield from unequal_steps(self.data.steps)
        if not self.data.table["target"].isin(LINGUISTIC).any():
            yield "No target is about reasoning with language (xcopa, xwinograd)."


STUDY = base.Study(NAME, QUESTION, needs, answer, prospects)
