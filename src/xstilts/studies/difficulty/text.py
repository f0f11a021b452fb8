"""The answer in words: summary, findings and caveats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

from xstilts.statistics.association import points_needed
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import Finding
from xstilts.studies.correlations import UNMEASURED, Association
from xstilts.studies.difficulty.analysis import (
    ALIKE,
    ASKED,
    LOOKED_FOR,
    MEASURES,
    POOLED,
    DifficultyData,
    influence,
    usual,
)
from xstilts.studies.text import (
    _sources,
    after_holm,
    format_estimate,
    format_p,
    incomplete,
    join_names,
    slug,
)


def summary(rows: Sequence[Association], retrieval: Sequence[str]) -> str:
    """The question's answer in two or three sentences."""
    if not retrieval:
        return (
            "Not answered: the experiment has no retrieval target (tatoeba, bucc, home-retrieval)."
        )
    asked = next((row for row in rows if row.measure == ASKED), None)
    if asked is None or isnan(asked.spearman.value):
        why = asked.spearman.note if asked else "no intermediate task has a gain on retrieval"
        return f"Not answered: {why}."
    said = f"Spearman's rho {format_estimate(asked.spearman)}, {format_p(asked.p_holm)} after Holm"
    if asked.found:
        more = "more" if asked.spearman.value > 0 else "less"
        first = f"Intermediate tasks with a higher dev score help retrieval {more}: {said}."
    else:
        first = (
            "Dev scores of intermediate tasks are not shown to predict their gain on retrieval: "
            f"{said}."
        )
    return " ".join([first, _others_found(rows), _sight(asked.spearman.n)])


def _others_found(rows: Sequence[Association]) -> str:
    found = [
        f"{MEASURES[row.measure].words} (rho {row.spearman.value:.2f})"
        for row in rows
        if row.target == POOLED and row.measure != ASKED and row.found
    ]
    if not found:
        return "No other measure of difficulty is shown to do so after Holm's correction."
    return f"Found after Holm's correction beside it: {join_names(found)}."


def _sight(n: int) -> str:
    """What so many tasks can show."""
    needed = join_names([f"{points_needed(one)} for {one}" for one in LOOKED_FOR])
    return f"{_sources(n)}; needed are {needed}."


def findings(rows: Sequence[Association], points: DifficultyData) -> Iterator[Finding]:
    """One for each measure and target, with the estimate; then the most influential task."""
    for row in rows:
        if row.spearman.note == UNMEASURED:
            continue  # the caveats say so
        name = row.measure if row.target == POOLED else f"{row.measure}-{slug(row.target)}"
        yield Finding(name, _sentence(row), row.spearman)
        if row.target == POOLED and row.measure == ASKED:
            given = _in_words("given size and length of the training data", row.given)
            yield Finding(f"{name}-given-size-and-length", given, row.given)
    for one in influence(points, ASKED)[:1]:
        yield Finding(
            "influence",
            f"The task that the correlation of dev score and gain on retrieval hangs on most is "
            f"{one.name}: without it rho is {one.without:.2f}, a change of {one.change:+.2f}.",
        )


def _sentence(row: Association) -> str:
    measure, where = MEASURES[row.measure], _where(row.target)
    text = _in_words(f"{measure.words} (high: {measure.high}) and gain on {where}", row.spearman)
    return f"{text[:-1]}{after_holm(row.p_holm)}."


def _in_words(what: str, estimate: Estimate) -> str:
    if isnan(estimate.value):
        return f"{_capital(what)}: no number, {estimate.note}."
    return f"{_capital(what)}: Spearman's rho {format_estimate(estimate)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _where(target: str) -> str:
    return "retrieval" if target == POOLED else target


def caveats(points: DifficultyData) -> Iterator[str]:
    """What of the numbers cannot be compared, or is missing."""
    if len(set(points.metrics.values())) > 1:
        tasks: dict[str, list[str]] = {}
        for task, metric in points.metrics.items():
            tasks.setdefault(metric, []).append(task)
        kinds = "; ".join(f"{metric}: {join_names(names)}" for metric, names in tasks.items())
        yield (
            f"Dev scores are of different metrics and not comparable between them ({kinds}); "
            f"`{ALIKE}` keeps to {usual(points.metrics)}."
        )
    unknown = [name for name in points.names if points.measures[name].isna().all()]
    if unknown and points.retrieval:
        yield f"Not measured: {join_names(unknown)}."
    words = "Not in the means over all retrieval targets, for want of one of them"
    if said := incomplete(points.asked, words):
        yield said
