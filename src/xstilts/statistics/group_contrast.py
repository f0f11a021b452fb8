"""Does one group of intermediate tasks help more than the others?

Tasks are what a group is made of, so tasks are the points: many languages, targets and seeds of
three tasks are still three tasks. The mixed model and the permutation test both keep to that.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xstilts.statistics.estimate import (
    LEVEL,
    NO_VARIATION,
    Estimate,
    Floats,
    join_notes,
    missing_estimate,
    nearly_equal,
    too_few,
)
from xstilts.statistics.permutation import DRAWS, choices, p_value

if TYPE_CHECKING:
    import pandas as pd

NEEDED = 2
UNFITTED = "the mixed model was not asked for"
COLUMNS = ("task", "target", "language", "seed", "gain")


@dataclass(frozen=True)
class Contrast:
    """How much more the tasks of a group help than the others do.

    Args:
        tasks: mean over the group's tasks minus mean over the others; Student's interval, and a p
            value by permuting which tasks are in the group.
        mixed: the same by a mixed-effects model, with a t quantile of as many degrees of freedom
            as there are tasks more than two.
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
    """The difference in gain between the tasks of a group and all others.

    Args:
        table: rows of task, target, language, seed and gain. A task with a missing gain
            (diverged, say) is left out as a whole, and named in the note.
        group: names of tasks.
        model: whether to fit the mixed model too, which takes by far the longest.

    Raises:
        ValueError: a column is missing.

    Random effects of the model: task, language within target, seed.
    """
    sound, note = _sound(table, set(group))
    means = sound.groupby("task")["gain"].mean() if len(sound) else sound["gain"]
    inside = np.array([task in group for task in means.index], dtype=bool)
    gains = means.to_numpy(dtype=np.float64)
    fitted = (
        _mixed(sound, "inside", inside, note) if model else missing_estimate(len(gains), UNFITTED)
    )
    return Contrast(_by_tasks(gains, inside, draws, seed, note), fitted)


def interaction(
    table: pd.DataFrame,
    group: Collection[str],
    targets: Collection[str],
    draws: int = DRAWS,
    seed: int = 0,
    *,
    model: bool = True,
) -> Contrast:
    """How much more the group helps *these* targets than it helps the others.

    The difference between groups of the difference between kinds of targets: each task's mean
    gain on these targets minus its mean gain on the others.

    Args:
        table: as for `contrast`; tasks without both kinds of targets are left out.
        targets: names of the targets of one kind, such as those of reasoning.
    """
    sound, note = _sound(table, set(group))
    sound = sound.assign(kind=sound["target"].isin(list(targets)).astype(float))
    both = sound.groupby("task")["kind"].nunique() == 2
    if len(lost := [task for task in both.index if not both[task]]):
        note = join_notes([note, f"without both kinds of targets: {', '.join(lost)}"])
    sound = sound[~sound["task"].isin(lost)]
    means = sound.groupby(["task", "kind"])["gain"].mean().unstack("kind")
    inside = np.array([task in group for task in means.index], dtype=bool)
    gains = (means[1.0] - means[0.0] if len(means) else means).to_numpy(dtype=np.float64)
    fitted = (
        _mixed(sound, "inside:kind", inside, note)
        if model
        else missing_estimate(len(gains), UNFITTED)
    )
    return Contrast(_by_tasks(gains, inside, draws, seed, note), fitted)


def _sound(table: pd.DataFrame, group: set[str]) -> tuple[pd.DataFrame, str]:
    """The rows of tasks with all their gains, `inside` as a number, and who was left out."""
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"no column {', '.join(missing)}")
    lost = sorted(set(table.loc[table["gain"].isna(), "task"]))
    sound = table[~table["task"].isin(lost)]
    sound = sound.assign(inside=sound["task"].isin(list(group)).astype(float))
    return sound, f"left out, gains are missing: {', '.join(lost)}" if lost else ""


def _few(inside: Any) -> str:
    smaller = min(int(inside.sum()), int((~inside).sum()))
    return "" if smaller >= NEEDED else too_few(smaller, NEEDED, "tasks in a group")


def _by_tasks(gains: Floats, inside: Any, draws: int, seed: int, note: str) -> Estimate:
    from scipy import stats

    if words := _few(inside):
        return missing_estimate(len(gains), join_notes([words, note]))
    chosen, every = choices(len(gains), int(inside.sum()), draws, seed)
    share = chosen / chosen.sum(axis=1, keepdims=True)
    others = ~chosen / (~chosen).sum(axis=1, keepdims=True)
    ours, theirs = gains[inside], gains[~inside]
    value = float(ours.mean() - theirs.mean())
    p = p_value(value, (share - others) @ gains, every)
    if every and (lowest := _lowest(chosen)) > LEVEL:
        note = join_notes([note, f"so few tasks cannot give a p below {lowest:.2f}"])
    if nearly_equal(ours) and nearly_equal(theirs):
        return Estimate(value, p=p, n=len(gains), note=join_notes([NO_VARIATION, note]))
    interval = stats.ttest_ind(ours, theirs, equal_var=True).confidence_interval(1 - LEVEL)
    return Estimate(value, float(interval.low), float(interval.high), p, len(gains), note)


def _lowest(chosen: Any) -> float:
    """The smallest exact p there can be: groups of equal size swap sides and count twice."""
    arrangements, n = chosen.shape
    return float((2 if 2 * int(chosen[0].sum()) == n else 1) / arrangements)


def _mixed(table: pd.DataFrame, term: str, inside: Any, note: str) -> Estimate:
    """One coefficient of the mixed model, or the words for why there is none."""
    tasks = len(inside)
    if words := _few(inside):
        return missing_estimate(tasks, join_notes([words, note]))
    try:
        value, error = _fitted(table, term)
    except (ValueError, np.linalg.LinAlgError, ArithmeticError) as reason:
        words = f"the mixed model cannot be fitted ({reason}): see the test over tasks"
        return missing_estimate(tasks, join_notes([words, note]))
    from scipy import stats

    width = float(stats.t.ppf(1 - LEVEL / 2, tasks - 2)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, tasks - 2))
    return Estimate(value, value - width, value + width, p, tasks, note)


def _fitted(table: pd.DataFrame, term: str) -> tuple[float, float]:
    """The coefficient and its standard error.

    All rows are one block for statsmodels, which makes the random effects crossed.

    Raises:
        ValueError: the fit did not converge, or has no standard error.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    wanted, fixed = _fixed(table, term)
    effects = _random(table, term)
    spec = VCSpec(
        list(effects),
        [[[str(column) for column in range(one.shape[1])]] for one in effects.values()],
        [[one] for one in effects.values()],
    )
    gains = table["gain"].to_numpy(dtype=np.float64)
    scale = float(gains.std()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variances at 0, which are no harm
        model = MixedLM(gains / scale, fixed, np.ones(len(gains)), exog_vc=spec)
        fit = model.fit(reml=True, method=["lbfgs", "powell"])
        value, error = float(fit.fe_params[wanted]), float(fit.bse_fe[wanted])
    if not fit.converged or not np.isfinite([value, error]).all() or error <= 0:
        raise ValueError("no convergence")
    return scale * value, scale * error


def _fixed(table: pd.DataFrame, term: str) -> tuple[int, Floats]:
    """Which column is asked for, and the columns of the fixed effects."""
    inside = table["inside"].to_numpy(dtype=np.float64)
    ones = np.ones(len(table))
    if term == "inside":
        return 1, np.stack([ones, inside], axis=1)
    kind = table["kind"].to_numpy(dtype=np.float64)
    return 3, np.stack([ones, inside, kind, inside * kind], axis=1)


def _random(table: pd.DataFrame, term: str) -> dict[str, Floats]:
    """Name → [rows, levels] which level a row has; effects with one level are left out."""
    names = {"task": ["task"], "place": ["target", "language"], "seed": ["seed"]}
    if term != "inside":
        names["task and kind"] = ["task", "kind"]
    codes = {name: table.groupby(columns).ngroup().to_numpy() for name, columns in names.items()}
    return {name: np.eye(one.max() + 1)[one] for name, one in codes.items() if one.max() > 0}
