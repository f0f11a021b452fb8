"""Compare the gains of a group of intermediate tasks with those of the other tasks.

Tasks are the units of analysis: many languages, targets and seeds of three tasks are still three
tasks. Both the mixed model and the permutation test treat them so. In a task's mean the targets
weigh equally, whatever their numbers of languages.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from math import inf, isnan, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from xstilts.statistics.estimate import (
    LEVEL,
    NAN,
    NO_VARIATION,
    Estimate,
    Floats,
    join_notes,
    missing_estimate,
    nearly_equal,
    too_few,
)
from xstilts.statistics.permutation import DRAWS, attained_level, p_value, subsets
from xstilts.statistics.power import detectable_mean

if TYPE_CHECKING:
    import pandas as pd

MIN_TASKS = 2
NOT_FITTED = "the mixed model was not requested"
COLUMNS = ("task", "target", "language", "seed", "gain")


@dataclass(frozen=True)
class Contrast:
    """Difference in gain between the tasks of a group and the other tasks.

    Args:
        tasks: difference of the mean over tasks; Student's interval, and a p value from
            permutations of group membership.
        mixed: the same from a mixed-effects model, with t(tasks - 2) quantiles.
    """

    tasks: Estimate
    mixed: Estimate


def contrast(
    table: pd.DataFrame,
    group: Collection[str],
    draws: int = DRAWS,
    seed: int = 0,
    *,
    model: bool = True,
) -> Contrast:
    """Difference in gain between the tasks of a group and all other tasks.

    Args:
        table: rows of task, target, language, seed and gain. A task with a missing gain
            (such as a diverged run) is dropped, and named in the note.
        group: names of tasks.
        draws: number of permutations, if they are too many to enumerate.
        model: whether to fit the mixed model, which takes most of the time.

    Raises:
        ValueError: a column is missing.

    Random effects of the model: task, language within target, seed.
    """
    complete, note = _complete(table, set(group))
    means = _task_means(complete, ["task"])
    inside = np.array([task in group for task in means.index], dtype=bool)
    gains = np.asarray(means, dtype=np.float64)
    fitted = (
        _mixed_estimate(complete, "inside", inside, note)
        if model
        else missing_estimate(len(gains), NOT_FITTED)
    )
    return Contrast(_task_estimate(gains, inside, draws, seed, note), fitted)


def interaction(
    table: pd.DataFrame,
    group: Collection[str],
    targets: Collection[str],
    draws: int = DRAWS,
    seed: int = 0,
    *,
    model: bool = True,
) -> Contrast:
    """How much more the group helps `targets` than it helps the other targets.

    A difference of differences: the contrast between groups of each task's mean gain on these
    targets minus its mean gain on the others.

    Args:
        table: as for `contrast`; tasks without both kinds of targets are dropped.
        targets: names of the targets of one kind, such as reasoning.
        draws, model: as for `contrast`.
    """
    complete, note = _complete(table, set(group))
    complete = complete.assign(kind=complete["target"].isin(list(targets)).astype(float))
    both = complete.groupby("task")["kind"].nunique() == 2
    if len(dropped := [task for task in both.index if not both[task]]):
        note = join_notes([note, f"without both kinds of targets: {', '.join(dropped)}"])
    complete = complete[~complete["task"].isin(dropped)]
    means = _task_means(complete, ["task", "kind"]).unstack("kind")
    inside = np.array([task in group for task in means.index], dtype=bool)
    gains = (means[1.0] - means[0.0] if len(means) else means).to_numpy(dtype=np.float64)
    fitted = (
        _mixed_estimate(complete, "inside:kind", inside, note)
        if model
        else missing_estimate(len(gains), NOT_FITTED)
    )
    return Contrast(_task_estimate(gains, inside, draws, seed, note), fitted)


def detectable_contrast(estimate: Estimate, inside: int) -> float:
    """Minimum detectable difference between two groups at 80 % power.

    Args:
        estimate: of a contrast over tasks.
        inside: tasks of the group in it.

    Returns:
        In the estimate's unit; infinite if none could be significant, NaN if unknown.

    Student's test of two groups has the power of that of one mean with as many degrees of freedom
    and the same standard error. Its level is that which the permutation test attains.
    """
    from scipy import stats

    n = estimate.n
    if isnan(estimate.low) or n < 3 or not 0 < inside < n:
        return NAN
    if not (level := attained_level(inside, n - inside)):
        return inf
    error = (estimate.high - estimate.low) / 2 / float(stats.t.ppf(1 - LEVEL / 2, n - 2))
    return detectable_mean(error * sqrt(n - 1), n - 1, level=level)


def _complete(table: pd.DataFrame, group: set[str]) -> tuple[pd.DataFrame, str]:
    """Drop tasks with missing gains, add the column `inside` (0 or 1); note who was dropped."""
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"no column {', '.join(missing)}")
    dropped = sorted(set(table.loc[table["gain"].isna(), "task"]))
    complete = table[~table["task"].isin(dropped)]
    complete = complete.assign(inside=complete["task"].isin(list(group)).astype(float))
    return complete, f"left out, gains are missing: {', '.join(dropped)}" if dropped else ""


def _task_means(table: pd.DataFrame, by: list[str]) -> pd.Series[float]:
    """Mean gains of groups of rows: over the languages and seeds of each target, then targets."""
    return table.groupby([*by, "target"])["gain"].mean().groupby(level=by).mean()


def _too_few_tasks(inside: Any) -> str:
    smaller = min(int(inside.sum()), int((~inside).sum()))
    return "" if smaller >= MIN_TASKS else too_few(smaller, MIN_TASKS, "tasks in a group")


def _task_estimate(gains: Floats, inside: Any, draws: int, seed: int, note: str) -> Estimate:
    from scipy import stats

    if few := _too_few_tasks(inside):
        return missing_estimate(len(gains), join_notes([few, note]))
    masks, exhaustive = subsets(len(gains), int(inside.sum()), draws, seed)
    group_weights = masks / masks.sum(axis=1, keepdims=True)
    other_weights = ~masks / (~masks).sum(axis=1, keepdims=True)
    group, others = gains[inside], gains[~inside]
    value = float(group.mean() - others.mean())
    p = p_value(value, (group_weights - other_weights) @ gains, exhaustive)
    if exhaustive and (smallest := _smallest_p(masks)) > LEVEL:
        note = join_notes([note, f"with so few tasks p cannot be below {smallest:.2f}"])
    if nearly_equal(group) and nearly_equal(others):
        return Estimate(value, p=p, n=len(gains), note=join_notes([NO_VARIATION, note]))
    interval = stats.ttest_ind(group, others, equal_var=True).confidence_interval(1 - LEVEL)
    return Estimate(value, float(interval.low), float(interval.high), p, len(gains), note)


def _smallest_p(masks: Any) -> float:
    """Smallest possible exact p: with groups of equal size the complement counts as well."""
    arrangements, n = masks.shape
    return float((2 if 2 * int(masks[0].sum()) == n else 1) / arrangements)


def _mixed_estimate(table: pd.DataFrame, term: str, inside: Any, note: str) -> Estimate:
    """Estimate of a coefficient of the mixed model, or a note on why there is none."""
    tasks = len(inside)
    if few := _too_few_tasks(inside):
        return missing_estimate(tasks, join_notes([few, note]))
    try:
        value, error = _fit_mixed_model(table, term)
    except (ValueError, np.linalg.LinAlgError, ArithmeticError) as reason:
        failed = f"the mixed model cannot be fitted ({reason}): see the test over tasks"
        return missing_estimate(tasks, join_notes([failed, note]))
    from scipy import stats

    half_width = float(stats.t.ppf(1 - LEVEL / 2, tasks - 2)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, tasks - 2))
    return Estimate(value, value - half_width, value + half_width, p, tasks, note)


def _fit_mixed_model(table: pd.DataFrame, term: str) -> tuple[float, float]:
    """The coefficient of a term and its standard error.

    All rows are one group for statsmodels, which makes the random effects crossed.

    Raises:
        ValueError: the fit did not converge, or has no standard error.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    coefficient, fixed = _fixed_effects(table, term)
    effects = _random_effects(table, term)
    spec = VCSpec(
        list(effects),
        [[[str(column) for column in range(design.shape[1])]] for design in effects.values()],
        [[design] for design in effects.values()],
    )
    gains = table["gain"].to_numpy(dtype=np.float64)
    scale = float(gains.std()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variances of 0 are harmless
        model = MixedLM(gains / scale, fixed, np.ones(len(gains)), exog_vc=spec)
        fit = model.fit(reml=True, method=["lbfgs", "powell"])
        value, error = float(fit.fe_params[coefficient]), float(fit.bse_fe[coefficient])
    if not fit.converged or not np.isfinite([value, error]).all() or error <= 0:
        raise ValueError("no convergence")
    return scale * value, scale * error


def _fixed_effects(table: pd.DataFrame, term: str) -> tuple[int, Floats]:
    """Return the column of the term, and the design matrix of the fixed effects."""
    inside = table["inside"].to_numpy(dtype=np.float64)
    ones = np.ones(len(table))
    if term == "inside":
        return 1, np.stack([ones, inside], axis=1)
    kind = table["kind"].to_numpy(dtype=np.float64)
    return 3, np.stack([ones, inside, kind, inside * kind], axis=1)


def _random_effects(table: pd.DataFrame, term: str) -> dict[str, Floats]:
    """Name → one-hot design matrix [rows, levels]; effects with a single level are dropped."""
    names = {"task": ["task"], "language": ["target", "language"], "seed": ["seed"]}
    if term != "inside":
        names["task and kind"] = ["task", "kind"]
    codes = {name: table.groupby(columns).ngroup().to_numpy() for name, columns in names.items()}
    return {name: np.eye(code.max() + 1)[code] for name, code in codes.items() if code.max() > 0}
