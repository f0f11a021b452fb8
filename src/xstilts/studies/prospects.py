"""Whether a planned study can answer its questions, before anything of it has run.

Tests over tasks have a smallest possible p value, which depends on the numbers of tasks alone, and
one seed gives no test. So an experiment may be unable to answer a question however large the
effect is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import factorial, isnan, sqrt

from xstilts.analysis.gains import ENGLISH
from xstilts.analysis.layer_sweeps import task_of
from xstilts.core.counted import counted
from xstilts.planning.compile import CompiledPlan
from xstilts.statistics.association import MIN_POINTS, detectable_correlation
from xstilts.statistics.estimate import LEVEL
from xstilts.statistics.group_contrast import MIN_TASKS
from xstilts.statistics.permutation import (
    DRAWS,
    MAX_EXACT,
    attained_level,
    smallest_contrast_p,
)
from xstilts.statistics.power import detectable_mean

ONE_SEED = "one seed: significance is not tested (give several `seeds`)"
MOST_TASKS = 40
"""Numbers of tasks up to which the number that is needed is searched."""


@dataclass(frozen=True)
class Prospect:
    """Whether one question of a study can be answered.

    Args:
        question: as the study words it.
        answerable: whether an effect could be significant.
        why: the effect that would be found with 80 % power, or why none could be significant.
    """

    question: str
    answerable: bool
    why: str


@dataclass(frozen=True)
class PlannedGains:
    """The zero-shot gains that an experiment will have.

    Args:
        targets: setting → its targets, without those whose training data it contains.
        seeds: how many.
        has_baseline: whether the experiment has what gains are over.
    """

    targets: Mapping[str, frozenset[str]]
    seeds: int
    has_baseline: bool

    @classmethod
    def of(cls, compiled: CompiledPlan) -> PlannedGains:
        """Those of a plan; a sweep over layers is one target."""
        targets: dict[str, set[str]] = {}
        for cell in compiled.cells:
            if not cell.same_data and cell.language != ENGLISH:
                targets.setdefault(cell.intermediate, set()).add(task_of(cell.target))
        return cls(
            {name: frozenset(own) for name, own in targets.items() if name != compiled.baseline},
            len({cell.seed for cell in compiled.cells}),
            compiled.baseline in targets,
        )

    def tasks_on(self, tasks: Collection[str], targets: Collection[str]) -> tuple[str, ...]:
        """The tasks with a gain on some of the targets."""
        return tuple(task for task in tasks if self.targets.get(task, frozenset()) & set(targets))

    def tasks_on_all(self, tasks: Collection[str], targets: Collection[str]) -> tuple[str, ...]:
        """The tasks with a gain on every target."""
        wanted = set(targets)
        return tuple(task for task in tasks if wanted and wanted <= self.targets.get(task, set()))

    def problem(self, targets: Collection[str], kind: str = "target") -> str:
        """Why there will be no gain on some targets; else empty."""
        if not self.has_baseline:
            return "there will be no gains, as no setting of `intermediate` is the baseline"
        return "" if targets else f"the experiment has no {kind}"


def contrast_prospect(
    question: str,
    planned: PlannedGains,
    groups: tuple[Collection[str], Collection[str]],
    tests: int = 1,
    problem: str = "",
) -> Prospect:
    """Of the difference between two groups of tasks, tested by permutations of membership.

    Args:
        groups: the tasks of the group and the others that have a gain.
        tests: in the family that Holm corrects.
        problem: why there will be no gains; else empty.
    """
    inside, others = map(len, groups)
    sizes = f"{inside} against {counted(others, 'task')}"
    if not problem and min(inside, others) < MIN_TASKS:
        problem = f"{sizes}, and each group needs {MIN_TASKS} or more"
    if problem or planned.seeds == 1:
        return Prospect(question, False, problem or ONE_SEED)
    smallest = tests * smallest_contrast_p(inside, others)
    if smallest >= LEVEL:
        larger, needed = max(inside, others), MIN_TASKS
        while needed < MOST_TASKS and tests * smallest_contrast_p(needed, larger) >= LEVEL:
            needed += 1
        why = (
            f"{sizes}: p{_corrected(tests)} cannot be below {smallest:.2f} for any gains; "
            f"{needed} against {counted(larger, 'task')} could be significant"
        )
        return Prospect(question, False, why)
    n = inside + others
    deviation = sqrt((1 / inside + 1 / others) * (n - 1))
    effect = detectable_mean(deviation, n - 1, level=attained_level(inside, others))
    why = f"{sizes}: 80 % power from {effect:.1f} standard deviations of gains between tasks"
    return Prospect(question, True, why)


def correlation_prospect(
    question: str, planned: PlannedGains, tasks: Collection[str], tests: int = 1, problem: str = ""
) -> Prospect:
    """Of a rank correlation over tasks, tested by permutations.

    Args:
        tasks: those with a gain and the measures.
        tests: in the family that Holm corrects.
        problem: why there will be no gains; else empty.
    """
    n = len(tasks)
    if not problem and n < MIN_POINTS:
        problem = f"{counted(n, 'task')}, and a correlation needs {MIN_POINTS} or more"
    if problem:
        return Prospect(question, False, problem)
    smallest, effect = tests * _smallest_correlation_p(n), detectable_correlation(n)
    if smallest >= LEVEL or isnan(effect):
        needed = n
        while needed < MOST_TASKS and (
            tests * _smallest_correlation_p(needed) >= LEVEL
            or isnan(detectable_correlation(needed))
        ):
            needed += 1
        corrected = f"significant{_corrected(tests)}"
        why = f"{counted(n, 'task')}: no correlation could be {corrected}; {needed} are needed"
        return Prospect(question, False, why)
    noise = "; one seed, so the noise of seeds is unknown" if planned.seeds == 1 else ""
    why = f"{n} tasks: 80 % power from a correlation of {effect:.2f}, before correction{noise}"
    return Prospect(question, True, why)


def seeds_prospect(question: str, seeds: int, problem: str = "") -> Prospect:
    """Of a mean over seeds."""
    if problem or seeds < 2:
        return Prospect(question, False, problem or ONE_SEED)
    effect = detectable_mean(1.0, seeds)
    why = f"{seeds} seeds: 80 % power from {effect:.1f} standard deviations between seeds"
    return Prospect(question, True, why)


def verdict_text(study: str, prospects: Collection[Prospect]) -> str:
    """Whether a study can be answered, and how many of its questions, in a line.

    Why it cannot is said if there is one reason; else each question has its own.
    """
    can = sum(prospect.answerable for prospect in prospects)
    if not can:
        reasons = {prospect.why for prospect in prospects}
        why = f": {reasons.pop()}" if len(reasons) == 1 else ""
        return f"{study} cannot be answered by this experiment{why}"
    some = "" if can == len(prospects) else f", {can} of its {len(prospects)} questions"
    return f"{study} can be answered by this experiment{some}"


def _corrected(tests: int) -> str:
    return f" (Holm over {tests})" if tests > 1 else ""


def _smallest_correlation_p(n: int) -> float:
    """Smallest two-sided p value of a rank correlation: that of two perfect orders."""
    exact = 2 / factorial(n)
    return exact if factorial(n) <= MAX_EXACT else max(exact, 1 / (DRAWS + 1))
