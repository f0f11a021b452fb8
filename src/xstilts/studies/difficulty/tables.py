"""The answer's tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from xstilts.statistics.association import points_needed
from xstilts.studies.base import Figure, Series, StudyTable
from xstilts.studies.correlations import Association, association_frame
from xstilts.studies.difficulty.analysis import (
    ASKED,
    COVARIATES,
    LOOKED_FOR,
    MEASURES,
    POOLED,
    DifficultyData,
    influence,
)
from xstilts.studies.task_table import mean_gain, pooled


def association_tables(name: str, what: str, rows: Sequence[Association]) -> Iterator[StudyTable]:
    """Every measure against the gain on some targets; none without gains."""
    if not rows:
        return
    frame = association_frame(rows)
    frame.insert(2, "high means", [MEASURES[one].high for one in frame["measure"]])
    yield StudyTable(
        f"associations-{name}",
        f"Measures of difficulty against the gain on {what}",
        frame,
        (
            "Points are intermediate tasks, not settings of several; gains are means over seeds "
            f"and the languages other than English, in the rows `{POOLED}` over targets as well.",
            "spearman, kendall (tau-b): 95 % interval by the bootstrap over tasks (BCa), p by "
            "permutation; p_holm: Spearman's, corrected over the measures of the rows "
            f"`{POOLED}`, and over all other rows of this table; q: the same by Benjamini and "
            "Hochberg, which allows for 5 % of false ones among the findings.",
            "partial: Spearman's given size (examples) and length (mean sub-words) of the "
            "training data; ranks, so the logarithm of size would change nothing.",
        ),
    )


def measured_table(points: DifficultyData) -> StudyTable:
    """A row per task: its measures and its gains."""
    frame = points.measures[[*points.names, *COVARIATES]].copy()
    frame.insert(0, "metric", [points.metrics.get(str(task), "") for task in frame.index])
    for target in points.means:
        frame[f"gain {target}"] = points.means[target].reindex(frame.index)
    return StudyTable(
        "tasks",
        "Intermediate tasks: difficulty and gains",
        frame.reset_index(),
        (
            "Scores and gains are between 0 and 1; gains are means over seeds and the languages "
            "other than English, empty where a run diverged, collapsed or is missing.",
            *(
                f"{name}: {MEASURES[name].words}; high: {MEASURES[name].high}"
                for name in points.names
            ),
        ),
    )


def influence_table(points: DifficultyData) -> StudyTable:
    """What leaving out a task does to each correlation."""
    rows = [
        (name, one.name, one.without, one.change)
        for name in points.names
        for one in influence(points, name)
    ]
    return StudyTable(
        "influence",
        "Each task's influence on Spearman's rho with the gain over all retrieval targets",
        pd.DataFrame(rows, columns=["measure", "task", "rho without it", "change"]),
        ("The largest change first; empty with fewer than six tasks.",),
    )


def power_table() -> StudyTable:
    """How many tasks would be enough."""
    rows = [(one, points_needed(one), points_needed(one, "kendall")) for one in LOOKED_FOR]
    return StudyTable(
        "tasks-needed",
        "How many intermediate tasks would be needed to find a correlation",
        pd.DataFrame(rows, columns=["correlation", "tasks (Spearman)", "tasks (Kendall)"]),
        ("With 80 % power at the 5 % level, two-sided, before any correction; by Fisher's z.",),
    )


def figures(points: DifficultyData) -> Iterator[Figure]:
    """Gain against dev score: over all retrieval targets, and each target as a series."""
    whole = pooled(points.asked) if points.retrieval else pd.Series(dtype=float)
    both = pd.DataFrame({"x": points.measures[ASKED], "y": whole}).dropna()
    if both.empty:
        return
    spreads = [mean_gain(points.gains.table, str(task), points.retrieval) for task in both.index]
    yield Figure(
        "gain-by-accuracy",
        "Gain on retrieval against the dev score of the intermediate task",
        "dev score of the intermediate model (points)",
        "gain on retrieval (points), 95 % interval over languages and seeds",
        (
            Series(
                "intermediate tasks",
                _hundred(both["x"]),
                _hundred(both["y"]),
                tuple(100 * one.low for one in spreads),
                tuple(100 * one.high for one in spreads),
                tuple(str(task) for task in both.index),
            ),
        ),
        zero=True,
    )
    if len(points.retrieval) > 1:
        yield _by_target(points)


def _by_target(points: DifficultyData) -> Figure:
    series = []
    for target in points.retrieval:
        both = pd.DataFrame({"x": points.measures[ASKED], "y": points.means[target]}).dropna()
        series.append(Series(target, _hundred(both["x"]), _hundred(both["y"])))
    return Figure(
        "gain-by-accuracy-and-target",
        "Gain on each retrieval target against the dev score of the intermediate task",
        "dev score of the intermediate model (points)",
        "gain (points)",
        tuple(series),
        zero=True,
    )


def _hundred(values: pd.Series[float]) -> tuple[float, ...]:
    return tuple(100 * float(value) for value in values)
