"""The answer in words: summary, findings and caveats."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import isinf, isnan

from xstilts.statistics.estimate import LEVEL, Estimate
from xstilts.studies.base import Finding
from xstilts.studies.reasoning.analysis import ContrastResult
from xstilts.studies.reasoning.data import ReasoningData
from xstilts.studies.reasoning.equal_budget import EqualBudget
from xstilts.studies.reasoning.task_groups import LINGUISTIC
from xstilts.studies.text import format_p, join_names, significance_text
from xstilts.studies.training_budget import unequal

MORE = "Gain of reasoning tasks minus gain of the other intermediate tasks"
WORDS = {
    "all-targets": f"{MORE}, over all targets",
    "reasoning-targets": f"{MORE}, on reasoning targets",
    "non-linguistic": f"{MORE}, on the target that is not about language (mgsm-choice)",
    "interaction": "This difference on reasoning targets minus the same on other targets",
}
"""Question → its contrast in words."""
ALL_CHOICES = (
    "Every task here that asks for reasoning is multiple choice, and so are the targets: what "
    "looks like reasoning may be the format. An intermediate task of multiple choice that asks for "
    "none would tell; xstilts has none, a task of your own counts as another one."
)


def summary(asked: Sequence[ContrastResult]) -> str:
    """The question's answer in two sentences."""
    by_name = {one.name: one for one in asked}
    key, numeric = by_name["reasoning-targets"], by_name["non-linguistic"]
    if isnan(key.estimate.value):
        why = key.estimate.note
        return f"No conclusion on English reasoning tasks and reasoning targets: {why}."
    numbers = significance_text(numeric.estimate, p_holm=numeric.p_holm)
    return f"{_compared(key)} Where the target is not about language: {numbers}."


def _compared(key: ContrastResult) -> str:
    """The tasks on reasoning targets."""
    found, p = key.estimate, key.p_holm
    more = "more" if found.value > 0 else "less"
    sure = f"help reasoning targets {more} than" if p < LEVEL else "are not shown to differ from"
    return (
        f"English reasoning tasks {sure} other intermediate tasks: {found.value:+.1f} "
        f"points (95 % {found.low:+.1f} to {found.high:+.1f}, {format_p(p, 'p (Holm)')}, "
        f"{found.n} tasks){'' if p < LEVEL else _detectable(key.smallest)}."
    )


def findings(asked: Sequence[ContrastResult], gain: Estimate) -> Iterator[Finding]:
    """The contrasts and the mean gain."""
    for one in asked:
        said = significance_text(one.estimate, p_holm=one.p_holm)
        seen = _detectable(one.smallest) if one.p_holm >= LEVEL else ""
        yield Finding(one.name, f"{_what(one)}: {said}{seen}.", one.estimate)
    text = f"Mean gain of reasoning tasks on reasoning targets: {significance_text(gain)}."
    yield Finding("gain", text, gain)


def as_written(asked: ContrastResult) -> Finding:
    """A contrast of the experiment as written, beside those of the variant."""
    said = significance_text(asked.estimate)
    text = f"With the training sets as they are: {_what(asked)}: {said}."
    return Finding("as-written", text, asked.estimate)


def _what(asked: ContrastResult) -> str:
    return WORDS[asked.question] + (", by a mixed model" if asked.mixed else "")


def _detectable(smallest: float) -> str:
    """What would have been found; see `judged.smallest_found`."""
    if isnan(smallest):
        return ""
    if isinf(smallest):
        return "; with so few tasks no difference, however large, would be found"
    return (
        f"; a difference of {smallest:.1f} points would be found in four of five such studies, "
        "before any correction"
    )


def caveats(points: ReasoningData) -> Iterator[str]:
    """What the reader must know."""
    yield from points.gains.caveats()
    others = points.tasks - points.group
    said = f"Reasoning tasks: {_named(points.group)}; others: {_named(others)}"
    yield f"{said}. Which ones ask for reasoning is our choice."
    yield ALL_CHOICES
    if points.budget:
        yield _equal(points.budget)
    if said := unequal(points.steps):
        yield said
    if not points.table["target"].isin(LINGUISTIC).any():
        yield "No target asks for reasoning about language (xcopa, xwinograd)."


def _equal(budget: EqualBudget) -> str:
    """What was made equal, and who is not there for it."""
    rest = f"; fewer than {budget.least:,}, left out: {_named(budget.left_out)}"
    same = "Every intermediate task has the same number of training examples"
    return f"{same}{rest if budget.left_out else ''}."


def _named(names: Collection[str]) -> str:
    return join_names(sorted(names)) or "none"
