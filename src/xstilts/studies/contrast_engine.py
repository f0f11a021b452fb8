"""Does one group of intermediate tasks help more than the others? The engine of contrasts.

The data points are tasks, see `statistics.group_contrast`. What all tasks have in common on a
target, language and seed is removed first, so that a task without a gain on a hard target is not
favoured. Estimates are in points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import pandas as pd

from xstilts.analysis.gains import mean_or_nan
from xstilts.statistics.block_effects import remove_block_effects
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.group_contrast import contrast, detectable_contrast, interaction
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies.base import Series, points_series
from xstilts.studies.result import Result, in_points, untested

MAX_ROWS = 1_000
"""Rows beyond which the mixed model would take minutes: seeds are averaged first."""


def contrast_result(
    name: str,
    question: str,
    table: pd.DataFrame,
    group: Collection[str],
    targets: Collection[str] = (),
) -> Result:
    """Mean gain of the tasks in a group minus that of the others.

    Args:
        table: see `statistics.group_contrast.COLUMNS`; not empty.
        targets: if given, the contrast on these targets minus that on the other targets.
    """
    if targets:
        kind = table["target"].isin(targets)
        parts = [remove_block_effects(table[kind]), remove_block_effects(table[~kind])]
        effect = interaction(pd.concat(parts), group, targets, model=False)
        kinds = kind.groupby(table["task"]).nunique()
        table = table[table["task"].isin(kinds.index[kinds == 2])]
    else:
        effect = contrast(remove_block_effects(table), group, model=False)
    complete = set(mean_gains(table).dropna().index)
    estimate = in_points(effect.tasks)
    power = detectable_contrast(estimate, len(complete & set(group)))
    if has_one_seed(table):
        return Result(name, question, untested(estimate))
    return Result(name, question, estimate, power=power)


def mixed_result(
    result: Result, table: pd.DataFrame, group: Collection[str], targets: Collection[str] = ()
) -> Result:
    """The same question, answered by a mixed-effects model."""
    one_seed = has_one_seed(table)
    note = "seeds were averaged first" if len(table) > MAX_ROWS else ""
    if note:
        means = table.groupby(["task", "target", "language"], sort=False)["gain"].agg(mean_or_nan)
        table = means.reset_index().assign(seed=0)
    if targets:
        mixed = interaction(table, group, targets, draws=1).mixed
    else:
        mixed = contrast(table, group, draws=1).mixed
    question = f"{result.question}, by a mixed model"
    estimate = in_points(mixed.noted(note))
    return Result(f"{result.name}-mixed", question, untested(estimate) if one_seed else estimate)


def has_one_seed(table: pd.DataFrame) -> bool:
    """Whether all gains of a table are of one seed."""
    return table.loc[table["gain"].notna(), "seed"].nunique() == 1


def mean_gains(table: pd.DataFrame) -> pd.Series[float]:
    """Task → its mean gain; NaN where one is missing."""
    return table.groupby("task")["gain"].agg(mean_or_nan)


def group_means(
    table: pd.DataFrame, group: Collection[str], names: tuple[str, str]
) -> dict[str, Estimate]:
    """Name of group → its mean gain over tasks; groups without rows are left out.

    Args:
        names: of the group, and of the other tasks.
    """
    inside = table["task"].isin(group)
    parts = {names[0]: table[inside], names[1]: table[~inside]}
    means = {name: mean_gains(rows) for name, rows in parts.items() if len(rows)}
    return {name: in_points(one_sample_mean(gains)) for name, gains in means.items()}


def group_series(ticks: Sequence[Mapping[str, Estimate]], names: Sequence[str]) -> Iterator[Series]:
    """One series for each group that has an estimate at any tick."""
    for name in names:
        points = [(x, groups[name]) for x, groups in enumerate(ticks) if name in groups]
        if points:
            positions, estimates = zip(*points, strict=True)
            yield points_series(f"{name} tasks", estimates, positions)
