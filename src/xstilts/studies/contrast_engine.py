"""Does one group of intermediate tasks help more than the others? The engine of contrasts.

The data points are tasks, see `statistics.group_contrast`. What all tasks have in common on a
target, language and seed is removed first, so that a task without a gain on a hard target is not
favoured. Targets weigh equally, whatever their numbers of languages. Estimates are in points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import pandas as pd

from xstilts.analysis.gains import mean_or_nan
from xstilts.statistics.block_effects import comparable_parts, remove_block_effects
from xstilts.statistics.estimate import Estimate, missing_estimate
from xstilts.statistics.group_contrast import (
    COLUMNS,
    contrast,
    detectable_contrast,
    interaction,
)
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.studies.base import Series, points_series
from xstilts.studies.result import OF_GAINS, Result, in_points, untested

NOT_COMPARABLE = "the tasks share too few targets: some have gains only where the others have none"
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
    if unlinked := _unlinked_tasks(table, targets):
        return Result(name, question, missing_estimate(unlinked, NOT_COMPARABLE))
    if targets:
        kind = table["target"].isin(targets)
        parts = [remove_block_effects(table[kind]), remove_block_effects(table[~kind])]
        effect = interaction(pd.concat(parts), group, targets, model=False)
        kinds = kind.groupby(table["task"]).nunique()
        table = table[table["task"].isin(kinds.index[kinds == 2])]
    else:
        effect = contrast(remove_block_effects(table), group, model=False)
    complete = set(mean_gains(table).dropna().index)
    estimate = in_points(effect.tasks, _most(targets))
    power = detectable_contrast(estimate, len(complete & set(group)))
    if has_one_seed(table):
        return Result(name, question, untested(estimate))
    return Result(name, question, estimate, power=power)


def mixed_result(
    result: Result, table: pd.DataFrame, group: Collection[str], targets: Collection[str] = ()
) -> Result:
    """The same question, answered by a mixed-effects model."""
    name, question = f"{result.name}-mixed", f"{result.question}, by a mixed model"
    if unlinked := _unlinked_tasks(table, targets):
        return Result(name, question, missing_estimate(unlinked, NOT_COMPARABLE))
    one_seed = has_one_seed(table)
    table, note = _averaged(table)
    if targets:
        mixed = interaction(table, group, targets, draws=1).mixed
    else:
        mixed = contrast(table, group, draws=1).mixed
    estimate = in_points(mixed.noted(note), _most(targets))
    return Result(name, question, untested(estimate) if one_seed else estimate)


def _most(targets: Collection[str]) -> float:
    """The largest contrast in points; an interaction is the difference of two."""
    return 2 * OF_GAINS if targets else OF_GAINS


def _averaged(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of a mixed model, and a note on what was averaged.

    Languages are where targets have different numbers of them: the model weighs rows equally.
    """
    languages = table[table["gain"].notna()].groupby("target")["language"].nunique()
    means, averaged = table, []
    if languages.nunique() > 1:
        means, averaged = _mean_over("language", means, ""), ["languages"]
    if len(means) > MAX_ROWS:
        means, averaged = _mean_over("seed", means, 0), [*averaged, "seeds"]
    return means, f"{' and '.join(averaged)} were averaged first" if averaged else ""


def _mean_over(column: str, table: pd.DataFrame, one: str | int) -> pd.DataFrame:
    """The table with one mean instead of all values of a column, which has this value then."""
    keys = [name for name in COLUMNS if name not in (column, "gain")]
    means = table.groupby(keys, sort=False)["gain"].agg(mean_or_nan)
    return means.reset_index().assign(**{column: one})


def _unlinked_tasks(table: pd.DataFrame, targets: Collection[str]) -> int:
    """How many tasks a contrast would compare that cannot be compared; 0 if all can.

    Args:
        targets: of an interaction, which compares tasks on both kinds of targets.
    """
    means, kind = mean_gains(table), table["target"].isin(targets)
    parts = [comparable_parts(rows) for rows in (table[kind], table[~kind]) if len(rows)]
    compared = set(means.dropna().index).intersection(*parts)
    unlinked = any(len({part[task] for task in compared}) > 1 for part in parts)
    return len(compared) if unlinked else 0


def has_one_seed(table: pd.DataFrame) -> bool:
    """Whether all gains of a table are of one seed."""
    return table.loc[table["gain"].notna(), "seed"].nunique() == 1


def mean_gains(table: pd.DataFrame) -> pd.Series[float]:
    """Task → its mean gain, in which targets weigh equally; NaN where one is missing."""
    by_target = table.groupby(["task", "target"])["gain"].agg(mean_or_nan)
    return by_target.groupby(level="task").agg(mean_or_nan)


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
    estimates = {name: in_points(one_sample_mean(gains)) for name, gains in means.items()}
    if has_one_seed(table):
        return {name: untested(estimate) for name, estimate in estimates.items()}
    return estimates


def group_series(ticks: Sequence[Mapping[str, Estimate]], names: Sequence[str]) -> Iterator[Series]:
    """One series for each group that has an estimate at any tick."""
    for name in names:
        points = [(x, groups[name]) for x, groups in enumerate(ticks) if name in groups]
        if points:
            positions, estimates = zip(*points, strict=True)
            yield points_series(f"{name} tasks", estimates, positions)
