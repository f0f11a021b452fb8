"""The answer in tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from xstilts.analysis.gains import mean_or_nan
from xstilts.statistics.estimate import NAN, Estimate
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies.base import Figure, Finding, Series, StudyTable, points_series
from xstilts.studies.reasoning.analysis import QUESTIONS, ContrastResult
from xstilts.studies.reasoning.data import ReasoningData, mean_gains
from xstilts.studies.reasoning.task_groups import KINDS, kind_of
from xstilts.studies.text import in_points

GROUPS = {True: "reasoning", False: "other"}
"""Whether a task asks for reasoning → its group's name."""


def contrasts_table(findings: Sequence[Finding], asked: Sequence[ContrastResult]) -> StudyTable:
    """The findings as numbers, with Holm's correction over `QUESTIONS`."""
    adjusted = {one.name: one.p_holm for one in asked}
    found = {one.name: one.estimate for one in findings if one.estimate}
    rows = [
        {
            "contrast": name,
            **_row(one),
            "p (Holm)": adjusted.get(name, NAN),
            "n": one.n,
            "note": one.note,
        }
        for name, one in found.items()
    ]
    notes = (
        f"Points of 100. p (Holm): corrected for {', '.join(QUESTIONS)}; it decides what is "
        "called beyond chance there.",
    )
    return StudyTable("contrasts", "Contrasts", pd.DataFrame(rows), notes)


def targets_table(points: ReasoningData) -> StudyTable:
    """The mean gain of both groups on every target."""
    rows = [
        {"target": target, "kind": kind_of(str(target)), "group": GROUPS[ours], **_row(found)}
        for target, here in points.table.groupby("target", sort=False)
        for ours, found in _by_group(points, here).items()
    ]
    notes = ("Points of 100; means over tasks with Student's interval, zero-shot.",)
    return StudyTable("targets", "Gain by target and group", pd.DataFrame(rows), notes)


def tasks_table(points: ReasoningData) -> StudyTable:
    """A row per task: its steps, and its mean gain on every target."""
    means = points.table.groupby(["task", "target"], sort=False)["gain"].agg(mean_or_nan).unstack()
    wide = pd.DataFrame(
        {
            "task": means.index,
            "group": [GROUPS[task in points.group] for task in means.index],
            "steps": [points.steps.get(str(task)) for task in means.index],
            **{str(target): 100 * means[target].to_numpy() for target in means.columns},
        }
    )
    notes = (
        "Gain in points of 100, mean over languages but English and over seeds. Empty: a run "
        "diverged, collapsed or is missing, or the task holds the target's training data.",
    )
    return StudyTable("tasks", "Gain of every task on every target", wide, notes)


def figures(points: ReasoningData) -> Iterator[Figure]:
    """Mean gain by group and kind of target."""
    kinds = points.table["target"].map(kind_of)
    ticks = tuple(kind for kind in KINDS if kind in set(kinds))
    found = [_by_group(points, points.table[kinds == kind]) for kind in ticks]
    series = tuple(_series(found))
    if series:
        yield Figure(
            "gain-by-group",
            "Zero-shot gain by kind of task and target",
            "target",
            "gain, points of 100",
            series,
            zero=True,
            ticks=ticks,
        )


def _series(found: Sequence[dict[bool, Estimate]]) -> Iterator[Series]:
    """One for each group that has a gain somewhere; the places are those of `found`."""
    for ours, name in GROUPS.items():
        mine = [(place, one[ours]) for place, one in enumerate(found) if ours in one]
        if mine:
            places, estimates = zip(*mine, strict=True)
            yield points_series(f"{name} tasks", estimates, places)


def _by_group(points: ReasoningData, table: pd.DataFrame) -> dict[bool, Estimate]:
    """The mean gain of each group in some rows; none of one that is not there."""
    inside = table["task"].isin(points.group)
    parts = {ours: table[inside == ours] for ours in GROUPS}
    return {
        ours: in_points(one_sample_mean(mean_gains(one))) for ours, one in parts.items() if len(one)
    }


def _row(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high, "p": found.p}
