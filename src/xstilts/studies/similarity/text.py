"""The answer in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

import pandas as pd

from xstilts.recommend.backtest import Policy, mean_cost
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import Finding
from xstilts.studies.correlations import UNMEASURED
from xstilts.studies.similarity.analysis import Summary
from xstilts.studies.similarity.data import SimilarityData
from xstilts.studies.similarity.measures import MEASURES, OTHERS, WORDS
from xstilts.studies.text import _sources, after_holm, format_estimate, incomplete, join_names


def summary(
    summaries: Sequence[Summary], points: SimilarityData, lost: pd.DataFrame, honest: Estimate
) -> str:
    """The answer in a few sentences.

    Args:
        lost: [targets, measures] regret@1.
        honest: regret@1 where the measure itself is chosen on the other targets.
    """
    if not points.targets:
        return "Not answered: no target has gains after intermediate tasks that were measured."
    known = [one for one in summaries if one.measure in MEASURES and not isnan(one.rho.value)]
    if not known:
        notes = dict.fromkeys(one.rho.note for one in summaries if one.measure in MEASURES)
        return f"Not answered: {'; '.join(note for note in notes if note)}."
    semantic = [one for one in known if MEASURES[one.measure].semantic]
    return " ".join([_verdict(semantic), _best_choice(summaries, lost, honest)]).strip()


def _verdict(semantic: Sequence[Summary]) -> str:
    if not semantic:
        return "No measure of semantic similarity is known."
    found = [one for one in semantic if one.found]
    if not found:
        largest = max(semantic, key=lambda one: abs(one.rho.value))
        return (
            "No measure of semantic similarity is shown to predict the gain after Holm's "
            f"correction; the largest mean correlation is that of {largest.measure}, rho "
            f"{format_estimate(largest.rho)}. On one target {_sources(largest.rho.n)}; targets "
            "that differ show a smaller one together."
        )
    said: dict[str, list[str]] = {}
    for one in found:
        more = "more" if one.rho.value > 0 else "less"
        said.setdefault(more, []).append(f"{one.measure} (mean rho {one.rho.value:.2f})")
    return " ".join(
        f"The more similar a task by {join_names(names)}, the {more} it brings on these targets."
        for more, names in said.items()
    )


def _best_choice(summaries: Sequence[Summary], lost: pd.DataFrame, honest: Estimate) -> str:
    """The measure to choose by, beside chance and the other targets."""
    usable = [one for one in summaries if one.measure in lost.columns]
    if not usable:
        return ""
    best = min(usable, key=lambda one: one.regret1.value)
    others = next(one.regret1.value for one in summaries if one.measure == OTHERS)
    beside = f", always taking what is best on the other targets {others:.1f} %"
    unflattered = f"; {_by_others(honest)}" if not isnan(honest.value) else ""
    return (
        f"Choosing the task by {best.measure}, the best of the {len(usable)} measures on these "
        f"very targets, loses {best.regret1.value:.1f} % of the best score, a random choice "
        f"{best.regret1_by_chance:.1f} %{'' if isnan(others) else beside}{unflattered}."
    )


def _by_others(honest: Estimate) -> str:
    return (
        f"choosing the measure itself on the other targets loses {format_estimate(honest, 1, ' %')}"
    )


def choosing(honest: Estimate, past: pd.DataFrame) -> Iterator[Finding]:
    """Regret that no look at the target's own results has flattered."""
    if not isnan(honest.value):
        text = f"For a target that is held out, {_by_others(honest)} of its best score."
        yield Finding("regret-of-chosen-measure", text, honest)
    ours, others, blind = (mean_cost(past, way, "regret_1") for way in Policy)
    if isnan(ours.value):
        text = f"What `recommend` loses on a held-out target: no number, {ours.note}."
    else:
        text = (
            f"For a target that is held out, following `recommend` loses "
            f"{format_estimate(ours, 1, ' %')} of the best score on average, "
            f"taking what is best on the other targets "
            f"{format_estimate(others, 1, ' %')}, "
            f"a random choice {format_estimate(blind, 1, ' %')}."
        )
    yield Finding("regret-recommend", text, ours)


def findings(summaries: Sequence[Summary]) -> Iterator[Finding]:
    """Correlation, regret and correlation given the format of every measure."""
    for one in summaries:
        if one.rho.note == UNMEASURED:
            continue  # the caveats say so
        yield Finding(one.measure, _correlated(one), one.rho)
        if not isnan(one.regret1.value):
            yield Finding(f"regret-{one.measure}", _lost(one), one.regret1)
        if not isnan(one.given.value):
            text = (
                f"{one.measure} given whether formats are equal: the mean partial correlation "
                f"with the gain over targets is {format_estimate(one.given)}."
            )
            yield Finding(f"{one.measure}-given-format", text, one.given)


def _correlated(one: Summary) -> str:
    what = f"{one.measure}, {WORDS[one.measure]}"
    if isnan(one.rho.value):
        return f"{what}: no number, {one.rho.note}."
    over = f"over {one.targets} target{'s' if one.targets > 1 else ''}"
    mean = f"mean Spearman's rho with the gain {over} is {format_estimate(one.rho)}"
    return f"{what}: {mean}{after_holm(one.p_holm)}."


def _lost(one: Summary) -> str:
    return (
        f"Choosing the intermediate task by {one.measure} loses {one.regret1.value:.1f} % of the "
        f"best score on average (regret@1; regret@3 {one.regret3.value:.1f} %), a random choice "
        f"{one.regret1_by_chance:.1f} % ({one.regret3_by_chance:.1f} %); the difference at 1 is "
        f"{format_estimate(one.beside1, 1, ' %')}."
    )


def caveats(points: SimilarityData, summaries: Sequence[Summary]) -> Iterator[str]:
    """What was not measured, and which tasks are in no mean."""
    missing = [one.measure for one in summaries if one.rho.note == UNMEASURED]
    if missing and points.targets:
        yield f"Not measured: {join_names(missing)}."
    words = "In no mean correlation over targets, for want of a gain on one of them"
    if said := incomplete(points.means, words):
        yield said
