"""The answer in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

from xstilts.analysis.gains import ONE_SEED
from xstilts.statistics.estimate import LEVEL, Estimate
from xstilts.studies.base import Answer, Evidence, Finding
from xstilts.studies.scaling.design import DRAWS, MORE_TASKS, ScalingDesign, TaskGroup, designed
from xstilts.studies.scaling.scores import (
    MEAN,
    Budget,
    TargetScores,
    budgets,
    dev_scores,
    target_scores,
)
from xstilts.studies.scaling.tables import ScalingResults, corrected, figures, tables
from xstilts.studies.text import format_estimate, format_p, in_points, join_names, slug

QUESTION = "More tasks, or more data of one task, at an equal budget of examples and steps?"
NAME = "scaling"


def answer(evidence: Evidence) -> Answer:
    """Curves, doublings, differences at equal budgets, crossings and Shapley values."""
    design = designed(evidence.loaded)
    if not design.groups:
        return Answer(NAME, QUESTION, _nothing_to_compare(design))
    found, left_out = target_scores(evidence, design)
    seen = budgets(evidence, design)
    choices = {group: _best(dev_scores(evidence, group), group) for group in design.groups}
    judged = [
        ScalingResults(one, *choices[one.group], design.unit)
        for one in found
        if one.group.long and one.table
    ]
    alone = len(evidence.loaded.experiment.seeds) == 1
    caveats = (
        *((ONE_SEED,) if alone else ()),
        *left_out,
        *_passed_over(design),
        *_design_caveats(evidence, design),
        *_budget_caveats(seen, design.unit),
    )
    if not judged:
        words = "Nothing can be said yet: no run of the study has a score."
        return Answer(NAME, QUESTION, words, caveats=caveats)
    return Answer(
        NAME,
        QUESTION,
        _summary(judged, alone=alone),
        tuple(_findings(judged, seen)),
        tuple(tables(judged, seen, design.unit)),
        figures(judged[0]),
        (*caveats, *_caveats(judged)),
    )


def _nothing_to_compare(design: ScalingDesign) -> str:
    if design.lacking:
        return f"Nothing can be compared: {design.lacking}."
    have = ", ".join(design.tasks) or "none"
    return (
        "Nothing can be compared: the study needs two or more tasks that are intermediate "
        "settings of their own and hold no target's training data, and the experiment's single "
        f"tasks are: {have}."
    )


def _best(dev: dict[str, float], group: TaskGroup) -> tuple[str, bool]:
    """The task with more data that dev prefers, and whether dev could tell."""
    known = {task: dev[task] for task in group.long if not isnan(dev.get(task, float("nan")))}
    if group.long and len(known) == len(group.long):
        return max(known, key=lambda task: known[task]), True
    return next(iter(group.long), ""), len(group.long) == 1


def _said(estimate: Estimate) -> str:
    """A number of points, and what is known of its interval and p."""
    if isnan(estimate.value):
        return f"unknown ({estimate.note})"
    if isnan(estimate.low):
        return f"{estimate.value:+.1f} points (no interval: {estimate.note or 'too few points'})"
    return format_estimate(estimate, 1, " points", signed=True)


def _summary(judged: Sequence[ScalingResults], *, alone: bool) -> str:
    """All tasks against one, at the largest budget; then target by target; then the crossing.

    Args:
        alone: there is one seed.
    """
    first, adjusted = judged[0], corrected(judged)
    found = in_points(first.at_the_end)
    p = adjusted.get(first.target, found.p)  # the mean is a question of its own
    verdict = (
        ("more tasks are better" if found.value > 0 else "more data of one task is better")
        if p < LEVEL
        else "neither is shown to be better"
        if not isnan(p)
        else "there are too few runs to judge"
    )
    verdict += " in these runs of one seed" if alone and p < LEVEL else ""
    by_holm = f"{format_p(p, 'p (Holm)')}, " if first.target in adjusted and not isnan(p) else ""
    words = f"{_contest(first)}: {_said(found)} on {_on(first)}; {by_holm}{verdict}."
    sides: dict[bool, list[str]] = {True: [], False: []}
    for one in judged:
        if adjusted.get(one.target, 1.0) < LEVEL:
            sides[one.at_the_end.value > 0].append(one.target)
    words += f" More tasks are better on {_listed(sides[True])}, more data on "
    tested = sum(not isnan(p) for p in adjusted.values())
    words += f"{_listed(sides[False])} (p < 0.05 by Holm, targets tested: {tested})."
    return f"{words} {_crossing(first, first.best)}"


def _contest(judged: ScalingResults) -> str:
    """What is compared at the largest budget."""
    size, unit = judged.largest, judged.unit
    by = "best on English dev" if judged.chosen else "the first; dev cannot choose"
    one = f"{judged.best}" if len(judged.scored.group.long) == 1 else f"{judged.best} ({by})"
    return f"{size} tasks with {unit} examples each against {size * unit} examples of {one}"


def _on(judged: ScalingResults) -> str:
    return f"the {MEAN}" if judged.target == MEAN else judged.target


def _listed(names: Sequence[str]) -> str:
    return join_names(names) or "none"


def _crossing(judged: ScalingResults, task: str) -> str:
    """Where the curves cross, or why nothing is claimed."""
    found = judged.crossings[task]
    more, longer = judged.curves[MORE_TASKS], judged.curves[task]
    if not (more.fitted and longer.fitted):
        return f"Where the curves cross cannot be said: {found.note}."
    if isnan(found.value):
        return f"No crossing of the two curves is shown ({found.note})."
    ahead = more.at(more.largest).value > longer.at(longer.largest).value
    winner, loser = ("more tasks", f"more data of {task}")[:: 1 if ahead else -1]
    return (
        f"From about {found.value:.0f} examples on (95 % interval {found.low:.0f} to "
        f"{found.high:.0f}) {winner} beat{'' if ahead else 's'} {loser}."
    )


def _findings(judged: Sequence[ScalingResults], seen: Sequence[Budget]) -> Iterator[Finding]:
    if equal := _equal_words(seen):
        yield Finding("equal-budget", equal)
    adjusted = corrected(judged)
    for one in judged:
        yield from _of_target(one, adjusted.get(one.target))


def _of_target(judged: ScalingResults, p_holm: float | None) -> Iterator[Finding]:
    target, on = slug(judged.target), _on(judged)
    end = in_points(judged.at_the_end)
    by_holm = "" if p_holm is None or isnan(p_holm) else f"; {format_p(p_holm)} by Holm"
    yield Finding(
        f"difference-{target}", f"On {on}, {_contest(judged)}: {_said(end)}{by_holm}.", end
    )
    for curve in (MORE_TASKS, judged.best):
        name = "tasks" if curve == MORE_TASKS else "data"
        for (low, high), estimate in list(judged.steps[curve].items())[-1:]:
            gain = in_points(estimate)
            what = "more tasks" if curve == MORE_TASKS else f"more data of {curve}"
            ends = f"from {low * judged.unit} to {high * judged.unit} examples"
            words = f"On {on}, a doubling by {what} brings {_said(gain)}, {ends}."
            yield Finding(f"doubling-{name}-{target}", words, gain)
    yield Finding(
        f"crossing-{target}",
        f"On {on}: {_crossing(judged, judged.best)}",
        judged.crossings[judged.best],
    )
    yield _shares(judged, target, on)


def _shares(judged: ScalingResults, target: str, on: str) -> Finding:
    """The task that adds most."""
    best = judged.worths[0]
    name = f"shapley-{target}"
    if isnan(best.share.value):
        return Finding(name, f"On {on}, there are no Shapley values: {best.estimate.note}.")
    value = in_points(best.estimate)
    above = [worth.share.task for worth in judged.worths if worth.estimate.low > 0]
    below = [worth.share.task for worth in judged.worths if worth.estimate.high < 0]
    how = f"{best.share.orders} orders" if best.share.orders else "all subsets"
    words = (
        f"On {on}, {best.share.task} adds most to a mixture: {_said(value)}, its Shapley value "
        f"from {how}. Above zero, by their intervals: {_listed(above)}; below: {_listed(below)}."
    )
    return Finding(name, words, value)


def _equal_words(seen: Sequence[Budget]) -> str:
    """That budgets were equal; empty where they were not, or nobody knows."""
    steps, examples = _by_size(seen, "steps"), _by_size(seen, "examples")
    if not steps or any(len(found) != 1 for found in (*steps.values(), *examples.values())):
        return ""
    (least,), (most,) = steps[min(steps)], steps[max(steps)]
    (few,), (many,) = examples[min(steps)], examples[max(steps)]
    return (
        "At each budget every curve was trained on the same number of examples for the same "
        f"number of optimizer steps: from {few:.0f} examples and {least:.0f} steps to "
        f"{many:.0f} examples and {most:.0f} steps."
    )


def _by_size(seen: Sequence[Budget], name: str) -> dict[int, set[float]]:
    found: dict[int, set[float]] = {}
    for one in seen:
        if not isnan(getattr(one, name)):
            found.setdefault(one.point.size, set()).add(getattr(one, name))
    return found


def _budget_caveats(seen: Sequence[Budget], unit: int) -> Iterator[str]:
    for name in ("examples", "steps"):
        unequal = [
            f"{min(found):.0f} to {max(found):.0f} {name} at {size * unit} examples"
            for size, found in sorted(_by_size(seen, name).items())
            if len(found) > 1
        ]
        if unequal:
            yield (
                f"Budgets are not equal: {join_names(unequal)}; see the table of budgets. Texts of "
                "several windows, rows that could not be used, `max_task_size` and `patience` "
                "have this effect."
            )
    unknown = sum(isnan(one.steps) for one in seen)
    if unknown:
        words = "has" if unknown == 1 else "have"
        yield f"{unknown} of {len(seen)} training sets {words} not been trained to the end."


def _passed_over(design: ScalingDesign) -> Iterator[str]:
    """The tasks of the experiment that were not tried."""
    if design.passed_over:
        yield (
            f"Of {len(design.tasks) + len(design.passed_over)} single tasks {len(design.tasks)} "
            "are tried, the first of each format and then the next in order: "
            f"{join_names(design.tasks)}; not {join_names(design.passed_over)}."
        )


def _design_caveats(evidence: Evidence, design: ScalingDesign) -> Iterator[str]:
    first = design.groups[0]
    for group in design.groups:
        without = [task for task in design.tasks if task not in group.tasks]
        if without:
            mean = "" if group is first else "; they are not in the mean"
            yield (
                f"{', '.join(group.targets)}: judged without {', '.join(without)}, which "
                f"{'holds' if len(without) == 1 else 'hold'} their training data{mean}."
            )
        if not group.long:
            words = f"No task has {design.unit * len(group.tasks)} training examples"
            yield f"{words}: nothing is compared on {', '.join(group.targets)}."
    judged = {target for group in design.groups for target in group.targets}
    missing = [name for name in evidence.loaded.experiment.targets if name not in judged]
    if missing:
        yield f"{', '.join(missing)}: fewer than two tasks hold none of their training data."
    if len(first.orders) == DRAWS:
        yield (
            f"Tasks were added in {DRAWS} orders: one drawn at random, and the same begun at "
            f"{DRAWS - 1} other places. Other orders would differ, and only the intervals of "
            "Shapley values allow for it."
        )


def _caveats(judged: Sequence[ScalingResults]) -> Iterator[str]:
    """Curves without a fit, and a choice that dev could not make."""
    notes: dict[str, list[str]] = {}
    for one in judged:
        for name, curve in one.curves.items():
            if curve.note:
                notes.setdefault(curve.note, []).append(f"{name} on {one.target}")
    for note, where in notes.items():
        yield f"Curves ({'; '.join(where)}): {note}."
    if not all(one.chosen for one in judged):
        yield (
            "No English dev score tells which single task is best for these targets; the first is "
            "taken, and all are in the tables."
        )
    scarce = next((one.scored for one in judged if _rows(one.scored) < 2), None)
    if scarce is not None:
        yield f"{scarce.target}: one language and one seed give no interval."


def _rows(scored: TargetScores) -> int:
    return max(table.size for table in scored.table.values())
