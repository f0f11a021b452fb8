"""Quality of a choice of intermediate task by a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np
import pandas as pd

from xstilts.statistics.association import MIN_POINTS
from xstilts.statistics.estimate import NAN, Estimate
from xstilts.statistics.one_sample import one_sample_mean
from xstilts.statistics.ranking import expected_ndcg, expected_regret


@dataclass(frozen=True)
class RankingQuality:
    """How well a prediction ranks the tasks of one target, compared with a random ranking.

    Args:
        n: tasks to choose among.
        ndcg, regret1, regret3: see `statistics.ranking`; regret in % of the best score. Means
            over all orders of tasks with equal predictions.
        *_by_chance: the same where all predictions are equal.
    """

    target: str
    measure: str
    n: int
    ndcg: float
    ndcg_by_chance: float
    regret1: float
    regret1_by_chance: float
    regret3: float
    regret3_by_chance: float


def rank_quality(
    target: str, measure: str, predicted: pd.Series[float], score: pd.Series[float]
) -> RankingQuality | None:
    """The quality of a prediction; none if it is of fewer than five tasks with a score.

    None, too, if no score is above 0 or one is negative (a correlation).

    Args:
        predicted: by task; the higher, the sooner it would be chosen. A task without a prediction
            is chosen last: it may be the best, and without it the regret would be too small.
        score: by task, after it. Tasks without one do not count.
    """
    scores = score.dropna()
    order = predicted.reindex(scores.index).rank()
    if order.count() < MIN_POINTS or not scores.max() > 0 or scores.min() < 0:
        return None
    guessed, true = order.fillna(0.0).to_numpy(), scores.to_numpy()  # ranks begin at 1
    blind = np.zeros(len(scores))
    return RankingQuality(
        target,
        measure,
        len(scores),
        expected_ndcg(guessed, true),
        expected_ndcg(blind, true),
        expected_regret(guessed, true, 1),
        expected_regret(blind, true, 1),
        expected_regret(guessed, true, 3),
        expected_regret(blind, true, 3),
    )


def by_other_targets(gains: pd.DataFrame) -> pd.DataFrame:
    """[tasks, targets] each task's mean gain over the other targets; NaN where there is none.

    Args:
        gains: [tasks, targets]. Of the other targets those count on which all tasks of this
            target have a gain, or all where there is no such target; their spread over tasks is
            set to one, so that no target outweighs the rest for having large gains.
    """
    scaled = pd.DataFrame(np.nan, index=gains.index, columns=gains.columns)
    for target in gains:
        rows = gains[gains[target].notna()].drop(columns=target)
        rows = rows.loc[:, rows.nunique() > 1]
        whole = rows.dropna(axis=1)
        rows = whole if len(whole.columns) else rows
        if len(rows.columns):
            scaled.loc[rows.index, target] = ((rows - rows.mean()) / rows.std()).mean(axis=1)
    return scaled


def comparable(regret: pd.DataFrame) -> pd.DataFrame:
    """The targets on which all measures choose that choose anywhere.

    A mean over other targets for each measure would compare the targets, not the measures.

    Args:
        regret: [targets, measures]; NaN where a measure does not choose.
    """
    return regret.dropna(axis=1, how="all").dropna()


def least_regret(regret: pd.DataFrame) -> list[str]:
    """The measures that lose least, equally little, on `comparable` targets; none without any.

    Args:
        regret: [targets, measures]; NaN where a measure does not choose.
    """
    shared = comparable(regret)
    if shared.empty:
        return []
    means = shared.mean()
    return [str(name) for name in means.index[np.isclose(means, means.min())]]


def by_other_choices(regret: pd.DataFrame) -> pd.Series[float]:
    """Target → what is lost there by the measure that loses least on the other targets.

    Args:
        regret: [targets, measures]; NaN where a measure does not choose. Measures that lose
            equally little on the others are drawn from, see `least_regret`. Targets with nothing
            to choose by, on themselves or on others, are left out.
    """
    by_target = {}
    for target, own in regret.iterrows():
        if best := least_regret(regret.drop(index=target).loc[:, own.notna()]):
            by_target[target] = float(own[best].mean())
    return pd.Series(by_target, dtype=float)


def over_targets(values: Sequence[float]) -> Estimate:
    """The mean over targets, with an interval about other targets and these tasks.

    Without p: targets that profit from the same tasks are not independent tests. NaN values are
    left out.
    """
    known = np.array([value for value in values if not isnan(value)], dtype=np.float64)
    if len(known) == 1:
        return Estimate(float(known[0]), n=1, note="one target has no interval")
    return replace(one_sample_mean(known, "targets"), p=NAN)
