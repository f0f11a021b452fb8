"""The tasks that ask for reasoning against all others: contrasts, and what they could show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from xstilts.analysis.gains import mean_or_nan
from xstilts.statistics.block_effects import remove_block_effects
from xstilts.statistics.estimate import LEVEL, NAN, Estimate, join_notes, missing_estimate
from xstilts.statistics.group_contrast import contrast, interaction
from xstilts.statistics.multiple_testing import holm
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.statistics.power import detectable_mean
from xstilts.studies.reasoning.data import ReasoningData, mean_gains, on_targets
from xstilts.studies.reasoning.task_groups import NON_LINGUISTIC, TARGETS
from xstilts.studies.text import in_points

QUESTIONS = ("all-targets", "reasoning-targets", "non-linguistic", "interaction")
"""The tests that Holm's correction counts: the mixed model asks the same again."""
ROWS = 1_000
"""Gains beyond which the mixed model would take minutes: seeds are averaged first."""


@dataclass(frozen=True)
class ContrastResult:
    """A question and its contrast in points.

    Args:
        question: one of `QUESTIONS`.
        smallest: what would have been found; see `smallest_found`.
        mixed: by a mixed model.
        p_holm: corrected over `QUESTIONS`; NaN for the mixed model.
    """

    question: str
    estimate: Estimate
    smallest: float = NAN
    mixed: bool = False
    p_holm: float = NAN

    @property
    def name(self) -> str:
        """Unique among all that is asked."""
        return f"{self.question}-mixed" if self.mixed else self.question


def contrasts(points: ReasoningData) -> list[ContrastResult]:
    """The contrasts, widest first."""
    return _corrected(
        [
            *_over(points, "all-targets", points.targets),
            *_over(points, "reasoning-targets", TARGETS),
            *_over(points, "non-linguistic", NON_LINGUISTIC),
            *_interactions(points),
        ]
    )


def overall_contrast(points: ReasoningData) -> ContrastResult:
    """The contrast over all targets, without a mixed model."""
    return _by_tasks(points, "all-targets", points.targets)


def mean_gain(points: ReasoningData) -> Estimate:
    """Over the tasks that have all of their gains; the note names the others."""
    table = on_targets(points, TARGETS)
    means = mean_gains(table[table["task"].isin(points.group)])
    found = in_points(one_sample_mean(means, "reasoning tasks"))
    lost = ", ".join(sorted(means.index[means.isna()]))
    words = f"left out, gains are missing: {lost}" if lost else ""
    return _noted(found, words)


def smallest_found(found: Estimate, ours: int) -> float:
    """The difference that such groups of tasks would show in four of five studies.

    Args:
        found: a contrast over tasks.
        ours: tasks of the group in it.

    Returns:
        In the estimate's unit; infinite where none would be found, NaN where nobody knows.

    Student's test of two groups has the power of that of one mean with as many degrees of freedom
    and the same standard error.
    """
    from scipy import stats

    n = found.n
    if math.isnan(found.low) or n < 3 or not 0 < ours < n:
        return NAN
    if (2 if 2 * ours == n else 1) / math.comb(n, ours) > LEVEL:
        return math.inf
    error = (found.high - found.low) / 2 / float(stats.t.ppf(1 - LEVEL / 2, n - 2))
    return detectable_mean(error * math.sqrt(n - 1), n - 1)


def _over(
    points: ReasoningData, question: str, targets: frozenset[str]
) -> Iterator[ContrastResult]:
    """A contrast over some targets, by tasks and by a mixed model."""
    yield _by_tasks(points, question, targets)
    table = on_targets(points, targets)
    if len(table):
        smaller, note = _few_rows(table)
        fitted = contrast(smaller, points.group, draws=1).mixed
        yield ContrastResult(question, _noted(in_points(fitted), note), mixed=True)


def _by_tasks(points: ReasoningData, question: str, targets: frozenset[str]) -> ContrastResult:
    table = on_targets(points, targets)
    if table.empty:
        return ContrastResult(question, missing_estimate(0, _lacking(points, targets)))
    found = in_points(contrast(remove_block_effects(table), points.group, model=False).tasks)
    return ContrastResult(question, found, smallest_found(found, _complete(points, table)))


def _interactions(points: ReasoningData) -> Iterator[ContrastResult]:
    """The contrast on reasoning targets minus that on the others, in both ways."""
    question, table = "interaction", points.table
    kind = table["target"].isin(TARGETS)
    if kind.nunique() < 2:
        yield ContrastResult(
            question, missing_estimate(0, _one_sided(points, reasoning=bool(kind.any())))
        )
        return
    apart = pd.concat([remove_block_effects(table[kind]), remove_block_effects(table[~kind])])
    found = in_points(interaction(apart, points.group, TARGETS, model=False).tasks)
    kinds = kind.groupby(table["task"]).nunique()
    both = table[table["task"].isin(kinds.index[kinds == 2])]
    yield ContrastResult(question, found, smallest_found(found, _complete(points, both)))
    smaller, note = _few_rows(table)
    fitted = interaction(smaller, points.group, TARGETS, draws=1).mixed
    yield ContrastResult(question, _noted(in_points(fitted), note), mixed=True)


def _one_sided(points: ReasoningData, *, reasoning: bool) -> str:
    """Why there is nothing to compare.

    Args:
        reasoning: the gains are all on reasoning targets, and not all on others.
    """
    if reasoning:
        return f"other targets: {_lacking(points, points.targets - TARGETS)}"
    return f"reasoning targets: {_lacking(points, TARGETS)}"


def _lacking(points: ReasoningData, targets: frozenset[str]) -> str:
    """Why there is no gain on some targets."""
    if not (points.tasks and targets & points.targets):
        return "no such gains in this experiment"
    if not targets & points.scored:
        return "no run on them has a score yet"
    return "no sound gain on them; the caveats say why"


def _complete(points: ReasoningData, table: pd.DataFrame) -> int:
    """How many tasks of the group have all of their gains."""
    return len(points.group & set(mean_gains(table).dropna().index))


def _few_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The gains, averaged over seeds if they are too many for the mixed model."""
    if len(table) <= ROWS:
        return table, ""
    means = table.groupby(["task", "target", "language"], sort=False)["gain"].agg(mean_or_nan)
    return means.reset_index().assign(seed=0), "seeds were averaged first"


def _corrected(asked: Sequence[ContrastResult]) -> list[ContrastResult]:
    """The same after Holm's correction over `QUESTIONS`."""
    tested = [NAN if one.mixed else one.estimate.p for one in asked]
    corrected = holm(np.array(tested, dtype=np.float64))
    return [replace(one, p_holm=float(p)) for one, p in zip(asked, corrected, strict=True)]


def _noted(estimate: Estimate, note: str) -> Estimate:
    return replace(estimate, note=join_notes([estimate.note, note]))
