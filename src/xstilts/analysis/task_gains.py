"""Gains of single tasks in languages other than English, averaged as studies need them."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from xstilts.analysis.gains import ENGLISH, Gains
from xstilts.statistics.estimate import NAN, Estimate
from xstilts.statistics.group_contrast import COLUMNS
from xstilts.statistics.hierarchical import over_languages_and_seeds


def non_english(gains: pd.DataFrame) -> pd.DataFrame:
    """The rows of languages other than English."""
    return gains[gains["language"] != ENGLISH]


def gains_by_task(gains: Gains, tasks: Collection[str]) -> pd.DataFrame:
    """Gains by run, with the columns of `statistics.group_contrast`.

    A task that failed on a target has one row there, NaN: contrasts leave such a task out. Where
    no gain was to be expected (the task contains the target's data, say) there is no row.
    """
    own = gains.among(tasks)
    rows = non_english(own.table).rename(columns={"intermediate": "task"})[list(COLUMNS)]
    failed = [(one.intermediate, one.target, "", 0, NAN) for one in own.exclusions if one.failed]
    if not failed:
        return rows.reset_index(drop=True)
    return pd.concat([rows, pd.DataFrame(failed, columns=list(COLUMNS))], ignore_index=True)


def mean_over_runs(
    gains: pd.DataFrame, tasks: Collection[str], value: str = "gain"
) -> pd.DataFrame:
    """[tasks, targets] means over languages and seeds; NaN where a task is excluded.

    Args:
        gains: see `analysis.gains.Gains.table`.
        tasks: settings to keep.
        value: `gain` or `score`.
    """
    rows = non_english(gains)
    rows = rows[rows["intermediate"].isin(tasks)]
    return rows.pivot_table(index="intermediate", columns="target", values=value, sort=False)


def pooled(means: pd.DataFrame) -> pd.Series[float]:
    """Task → its mean over all targets; without the tasks that lack one of them."""
    return means.dropna().mean(axis=1)


def mean_gain(gains: pd.DataFrame, task: str, targets: Collection[str]) -> Estimate:
    """A task's mean gain over targets, languages and seeds, with its interval.

    Several targets weigh equally, whatever their numbers of languages: each is averaged over its
    languages first, and targets and seeds are sampled. Of one target languages and seeds are.
    """
    rows = non_english(gains)
    rows = rows[(rows["intermediate"] == task) & rows["target"].isin(targets)]
    unit = "target" if rows["target"].nunique() > 1 else "language"
    table = rows.pivot_table(index=unit, columns="seed", values="gain")
    return over_languages_and_seeds(table.to_numpy(dtype=float))
