"""`reasoning`: do English reasoning tasks help reasoning targets more than other tasks do?

Tasks are the points: a group of intermediate tasks is compared with all other single tasks by
`statistics.groups`, over all targets, over reasoning targets, over a target without much language
in its answers, and as an interaction of group and kind of target.

Equal budget. If the tasks' training sets are known to differ in size, a variant of the experiment
gives each as many examples as the smallest has, and so the same number of steps; the answer is
about the variant. Tasks with fewer than `ENOUGH` examples, or than the limit where that is lower,
would starve all others: they are not in the variant. `limits` are of a task and not of a phase,
so where such a task trains a target too, that target is trained on as few examples, after every
setting and in the baseline alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median_low

import numpy as np
import pandas as pd

from xstilts.analysis.stats import strict_mean
from xstilts.config.experiment import Limits
from xstilts.config.load import Loaded
from xstilts.config.setting import BASELINE
from xstilts.stages.names import Names
from xstilts.statistics.estimate import LEVEL, Estimate, joined, nothing
from xstilts.statistics.groups import NEEDED, contrast, interaction
from xstilts.statistics.means import mean
from xstilts.statistics.multiple import holm
from xstilts.statistics.places import without_places
from xstilts.statistics.power import detectable_mean
from xstilts.studies.base import (
    OWN,
    Answer,
    Evidence,
    Figure,
    Finding,
    Needs,
    Study,
    StudyTable,
    marked,
)
from xstilts.studies.budget import steps_of, unequal
from xstilts.studies.gains import Gains, gains_in
from xstilts.studies.points import gains_by_task, has_scores, single_tasks
from xstilts.studies.sweeps import task_of
from xstilts.studies.wording import chance, in_points, listed, verdict
from xstilts.tasks.base import TaskSpec

QUESTION = (
    "Does intermediate training on English reasoning tasks help zero-shot reasoning in other "
    "languages, also where it is not about language, more than other intermediate tasks do?"
)
TASKS = frozenset(
    ("hellaswag", "cosmosqa", "commonsenseqa", "socialiqa", "piqa", "winogrande", "copa")
)
"""The intermediate tasks that ask for reasoning. Which these are is our choice."""
LINGUISTIC = frozenset(("xcopa", "xstorycloze", "xwinograd"))
"""XStoryCloze is no task of xstilts; one of your own by that name counts."""
NON_LINGUISTIC = frozenset(("mgsm-choice",))
TARGETS = LINGUISTIC | NON_LINGUISTIC
EQUAL = "equal budget"
ENOUGH = 1_000
ROWS = 1_000
"""Gains beyond which the mixed model would take minutes: seeds are averaged first."""
KINDS = ("reasoning", "not about language", "other")
ALL_CHOICES = (
    "Every task here that asks for reasoning is multiple choice, and so are the targets: what "
    "looks like reasoning may be the format. An intermediate task of multiple choice that asks for "
    "none would tell; xstilts has none, a task of your own counts as another one."
)
QUESTIONS = ("all-targets", "reasoning-targets", "non-linguistic", "interaction")
"""The tests that Holm's correction counts: the mixed model asks the same again."""
GROUPS = {True: "reasoning", False: "other"}


def needs(loaded: Loaded) -> Needs:
    """The experiment with training sets of one size, if theirs differ and there are two groups."""
    names, tasks = Names(loaded), single_tasks(loaded)
    counts = {name: examples(names, task) for name, task in tasks.items()}
    least = enough(names, tasks)
    kept = {name: count for name, count in counts.items() if count is None or count >= least}
    known = {count for count in kept.values() if count is not None}
    ours = sum(tasks[name].name in TASKS for name in kept)
    if min(ours, len(kept) - ours) < NEEDED or len(known) < 2:
        return Needs()
    if BASELINE not in loaded.experiment.intermediate:
        return Needs()
    limits = dict(loaded.experiment.task_limits)
    for name in kept:
        own = limits.get(tasks[name].name, Limits())
        limits[tasks[name].name] = own.model_copy(update={"train": min(known)})
    settings = tuple(
        text for text in loaded.experiment.intermediate if text in kept or text == BASELINE
    )
    changes = {"task_limits": limits, "intermediate": settings}
    experiment = loaded.experiment.model_copy(update=changes)
    return Needs({EQUAL: replace(loaded, experiment=experiment)})


def enough(names: Names, tasks: Mapping[str, TaskSpec]) -> int:
    """Examples that a task must have: `ENOUGH`, or the limit of most tasks where that is lower."""
    limits = [names.limit(task.name, "train") or ENOUGH for task in tasks.values()]
    return min(ENOUGH, median_low(limits)) if limits else ENOUGH


def examples(names: Names, task: TaskSpec) -> int | None:
    """How many examples a task is trained on; none where nobody knows before it is read."""
    split = names.share(task, "train").split
    if (split, task.train_language) in task.sizes:
        return names.count(task, "train", task.train_language)
    return names.limit(task.name, "train")


def answer(evidence: Evidence) -> Answer:
    """The contrasts of the variant if there is one, and beside them those as written."""
    tasks = single_tasks(evidence.loaded)
    group = frozenset(name for name, task in tasks.items() if task.name in TASKS)
    seen = {name: _Look(evidence, name, frozenset(tasks), group) for name in evidence.results}
    main = seen.get(EQUAL, seen[OWN])
    findings = list(main.findings())
    if EQUAL in seen:
        written = next(seen[OWN].asked(model=False))
        text = f"With the training sets as they are: {written.text}: {verdict(written.estimate)}."
        findings.append(Finding("as-written", text, written.estimate))
    return Answer(
        study="reasoning",
        question=QUESTION,
        summary=main.summary(findings),
        findings=tuple(findings),
        tables=(_contrasts(findings), *main.tables()),
        figures=main.figures(),
        caveats=tuple(main.caveats()),
    )


@dataclass(frozen=True)
class _Asked:
    """A contrast in points before Holm's correction puts it in words.

    Args:
        detectable: in words, what would have been found.
    """

    name: str
    text: str
    estimate: Estimate
    detectable: str = ""


@dataclass(frozen=True)
class _Look:
    """One experiment's gains, looked at by group and by kind of target.

    Args:
        variant: its name.
        tasks, group: settings of one task; those of them that ask for reasoning.
    """

    evidence: Evidence
    variant: str
    tasks: frozenset[str]
    group: frozenset[str]

    @cached_property
    def gains(self) -> Gains:
        return gains_in(self.evidence, self.variant).among(self.tasks)

    @cached_property
    def steps(self) -> Mapping[str, int]:
        return steps_of(self.evidence.cells[self.variant], self.evidence.facts, self.tasks)

    @cached_property
    def table(self) -> pd.DataFrame:
        return gains_by_task(self.gains, self.tasks)

    @cached_property
    def targets(self) -> frozenset[str]:
        cells = self.evidence.cells.get(self.variant, ())
        return frozenset(task_of(cell.target) for cell in cells)

    def findings(self) -> Iterator[Finding]:
        """The contrasts, widest first, and the mean gain."""
        asked = list(self.asked())
        adjusted = _by_holm((one.name, one.estimate) for one in asked)
        for one in asked:
            p = adjusted[one.name] if one.name in QUESTIONS else one.estimate.p
            said = verdict(one.estimate, p_holm=adjusted[one.name])
            seen = one.detectable if p >= LEVEL else ""
            yield Finding(one.name, f"{one.text}: {said}{seen}.", one.estimate)
        yield self._mean_gain()

    def asked(self, *, model: bool = True) -> Iterator[_Asked]:
        """The contrasts, widest first."""
        more = "Gain of reasoning tasks minus gain of the other intermediate tasks"
        everywhere = f"{more}, over all targets"
        yield from self._contrast("all-targets", everywhere, self.targets, model)
        where = f"{more}, on reasoning targets"
        yield from self._contrast("reasoning-targets", where, TARGETS, model)
        where = f"{more}, on the target that is not about language (mgsm-choice)"
        yield from self._contrast("non-linguistic", where, NON_LINGUISTIC, model)
        yield from self._interaction(model)

    def _mean_gain(self) -> Finding:
        """Over the tasks that have all of their gains; the note names the others."""
        mine = self.table["target"].isin(TARGETS) & self.table["task"].isin(self.group)
        means = self.table[mine].groupby("task")["gain"].agg(strict_mean)
        found = in_points(mean(means, "reasoning tasks"))
        lost = ", ".join(sorted(means.index[means.isna()]))
        words = f"left out, gains are missing: {lost}" if lost else ""
        found = replace(found, note=joined([found.note, words]))
        text = f"Mean gain of reasoning tasks on reasoning targets: {verdict(found)}."
        return Finding("gain", text, found)

    def _contrast(
        self, name: str, text: str, targets: frozenset[str], model: bool
    ) -> Iterator[_Asked]:
        table = self.table[self.table["target"].isin(targets)]
        if table.empty:
            yield _Asked(name, text, nothing(0, self._lacking(targets)))
            return
        found = in_points(contrast(without_places(table), self.group, model=False).tasks)
        yield _Asked(name, text, found, _detectable(found, self._ours(table)))
        if model:
            smaller, note = _few_rows(table)
            fitted = _noted(contrast(smaller, self.group, draws=1).mixed, note)
            yield _Asked(f"{name}-mixed", f"{text}, by a mixed model", fitted)

    def _lacking(self, targets: frozenset[str]) -> str:
        """Why there is no gain on some targets."""
        if not (self.tasks and targets & self.targets):
            return "no such gains in this experiment"
        if not has_scores(self.evidence, targets, self.variant):
            return "no run on them has a score yet"
        return "no sound gain on them; the caveats say why"

    def _ours(self, table: pd.DataFrame) -> int:
        """How many tasks of the group have all of their gains."""
        complete = table.groupby("task")["gain"].agg(strict_mean).dropna().index
        return len(self.group & set(complete))

    def _interaction(self, model: bool) -> Iterator[_Asked]:
        name = "interaction"
        text = "This difference on reasoning targets minus the same on other targets"
        table, kind = self.table, self.table["target"].isin(TARGETS)
        if kind.nunique() < 2:
            what, lacking = "reasoning", TARGETS
            if kind.any():
                what, lacking = "other", self.targets - TARGETS
            yield _Asked(name, text, nothing(0, f"{what} targets: {self._lacking(lacking)}"))
            return
        apart = pd.concat([without_places(table[kind]), without_places(table[~kind])])
        found = in_points(interaction(apart, self.group, TARGETS, model=False).tasks)
        kinds = kind.groupby(table["task"]).nunique()
        both = table[table["task"].isin(kinds.index[kinds == 2])]
        yield _Asked(name, text, found, _detectable(found, self._ours(both)))
        if model:
            smaller, note = _few_rows(table)
            fitted = _noted(interaction(smaller, self.group, TARGETS, draws=1).mixed, note)
            yield _Asked(f"{name}-mixed", f"{text}, by a mixed model", fitted)

    def summary(self, findings: list[Finding]) -> str:
        """The question's answer in two sentences."""
        estimates = {one.name: one.estimate for one in findings if one.estimate}
        adjusted = _by_holm(estimates.items())
        key, p = estimates["reasoning-targets"], adjusted["reasoning-targets"]
        if math.isnan(key.value):
            return f"No conclusion on English reasoning tasks and reasoning targets: {key.note}."
        more = "more" if key.value > 0 else "less"
        sure = (
            f"help reasoning targets {more} than" if p < LEVEL else "are not shown to differ from"
        )
        on = self.table[self.table["target"].isin(TARGETS)]
        first = (
            f"English reasoning tasks {sure} other intermediate tasks: {key.value:+.1f} "
            f"points (95 % {key.low:+.1f} to {key.high:+.1f}, {chance(p, 'p (Holm)')}, "
            f"{key.n} tasks){'' if p < LEVEL else _detectable(key, self._ours(on))}."
        )
        numbers = verdict(estimates["non-linguistic"], p_holm=adjusted["non-linguistic"])
        return f"{first} Where the target is not about language: {numbers}."

    def caveats(self) -> Iterator[str]:
        """What the reader must know."""
        yield from self.gains.caveats()
        others = self.tasks - self.group
        said = f"Reasoning tasks: {_named(self.group)}; others: {_named(others)}"
        yield f"{said}. Which ones ask for reasoning is our choice."
        yield ALL_CHOICES
        if self.variant == EQUAL:
            rest = self.tasks - {cell.intermediate for cell in self.evidence.cells[EQUAL]}
            text = "Every intermediate task has the same number of training examples"
            least = enough(Names(self.evidence.loaded), single_tasks(self.evidence.loaded))
            yield text + (f"; fewer than {least:,}, left out: {_named(rest)}." if rest else ".")
        if said := unequal(self.steps):
            yield said
        if not self.table["target"].isin(LINGUISTIC).any():
            yield "No target asks for reasoning about language (xcopa, xwinograd)."

    def tables(self) -> Iterator[StudyTable]:
        """Means by target and by task."""
        rows = [
            {"target": target, "kind": _kind(str(target)), "group": GROUPS[ours], **_row(found)}
            for target, here in self.table.groupby("target", sort=False)
            for ours, found in self._by_group(here)
        ]
        notes = ("Points of 100; means over tasks with Student's interval, zero-shot.",)
        yield StudyTable("targets", "Gain by target and group", pd.DataFrame(rows), notes)
        means = (
            self.table.groupby(["task", "target"], sort=False)["gain"].agg(strict_mean).unstack()
        )
        wide = pd.DataFrame(
            {
                "task": means.index,
                "group": [GROUPS[task in self.group] for task in means.index],
                "steps": [self.steps.get(str(task)) for task in means.index],
                **{str(target): 100 * means[target].to_numpy() for target in means.columns},
            }
        )
        notes = (
            "Gain in points of 100, mean over languages but English and over seeds. Empty: a run "
            "diverged, collapsed or is missing, or the task holds the target's training data.",
        )
        yield StudyTable("tasks", "Gain of every task on every target", wide, notes)

    def _by_group(self, table: pd.DataFrame) -> Iterator[tuple[bool, Estimate]]:
        for ours in (True, False):
            here = table[table["task"].isin(self.group) == ours]
            if len(here):
                yield ours, in_points(mean(here.groupby("task")["gain"].agg(strict_mean)))

    def figures(self) -> tuple[Figure, ...]:
        """Mean gain by group and kind of target."""
        kinds = self.table["target"].map(_kind)
        ticks = [
            kind for kind in ("reasoning", "not about language", "other") if kind in set(kinds)
        ]
        found = {
            (ours, place): estimate
            for place, kind in enumerate(ticks)
            for ours, estimate in self._by_group(self.table[kinds == kind])
        }
        series = []
        for ours, name in GROUPS.items():
            mine = [(x, one) for (kind, x), one in found.items() if kind == ours]
            if mine:
                places, estimates = zip(*mine, strict=True)
                series.append(marked(f"{name} tasks", estimates, places))
        if not series:
            return ()
        figure = Figure(
            "gain-by-group",
            "Zero-shot gain by kind of task and target",
            "target",
            "gain, points of 100",
            tuple(series),
            zero=True,
            ticks=tuple(ticks),
        )
        return (figure,)


def _contrasts(findings: list[Finding]) -> StudyTable:
    """The findings as numbers, with Holm's correction over `QUESTIONS`."""
    found = {one.name: one.estimate for one in findings if one.estimate}
    adjusted = _by_holm(found.items())
    rows = [
        {"contrast": name, **_row(one), "p (Holm)": adjusted[name], "n": one.n, "note": one.note}
        for name, one in found.items()
    ]
    notes = (
        f"Points of 100. p (Holm): corrected for {', '.join(QUESTIONS)}; it decides what is "
        "called beyond chance there.",
    )
    return StudyTable("contrasts", "Contrasts", pd.DataFrame(rows), notes)


def _by_holm(found: Iterable[tuple[str, Estimate]]) -> dict[str, float]:
    """Name → p after Holm's correction over `QUESTIONS`; NaN for what is not among them."""
    estimates = dict(found)
    tested = [one.p if name in QUESTIONS else math.nan for name, one in estimates.items()]
    corrected = holm(np.array(tested, dtype=np.float64))
    return dict(zip(estimates, map(float, corrected), strict=True))


def _detectable(found: Estimate, ours: int) -> str:
    """What such groups of tasks would show, in words; the estimate is in points.

    Student's test of two groups has the power of that of one mean with as many degrees of freedom
    and the same standard error.
    """
    from scipy import stats

    n = found.n
    if math.isnan(found.low) or n < 3 or not 0 < ours < n:
        return ""
    if (2 if 2 * ours == n else 1) / math.comb(n, ours) > LEVEL:
        return "; with so few tasks no difference, however large, would be found"
    error = (found.high - found.low) / 2 / float(stats.t.ppf(1 - LEVEL / 2, n - 2))
    smallest = detectable_mean(error * math.sqrt(n - 1), n - 1)
    if math.isnan(smallest):
        return ""
    return (
        f"; a difference of {smallest:.1f} points would be found in four of five such studies, "
        "before any correction"
    )


def _row(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high, "p": found.p}


def _kind(target: str) -> str:
    reasoning, numeric, other = KINDS
    if target in NON_LINGUISTIC:
        return numeric
    return reasoning if target in LINGUISTIC else other


def _few_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The gains, averaged over seeds if they are too many for the mixed model."""
    if len(table) <= ROWS:
        return table, ""
    means = table.groupby(["task", "target", "language"], sort=False)["gain"].agg(strict_mean)
    return means.reset_index().assign(seed=0), "seeds were averaged first"


def _noted(estimate: Estimate, note: str) -> Estimate:
    return replace(in_points(estimate), note=joined([estimate.note, note]))


def _named(names: frozenset[str]) -> str:
    return listed(sorted(names)) or "none"


STUDY = Study("reasoning", QUESTION, needs, answer)
