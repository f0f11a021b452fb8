"""Leave-one-target-out backtest of recommendations.

Two baselines need no model: a random choice, and the task that is best on the other targets
(`regret.by_other_targets`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import numpy as np
import pandas as pd

from xstilts.recommend.predict_gains import KnownGains, recommend
from xstilts.recommend.regret import by_other_targets, over_targets
from xstilts.statistics import gain_model as additive
from xstilts.statistics.estimate import NAN, Estimate, Floats, missing_estimate, too_few
from xstilts.statistics.ranking import expected_ndcg, expected_regret

NEEDED = 1 + additive.MIN_LEVELS
"""Targets below which no mean over targets is given: the others must be enough to advise."""
LAST = -1e6
"""Below any gain: what has no expected gain is chosen last."""


class Policy(StrEnum):
    """How a task was chosen for the held-out target."""

    ADVICE = "recommend"
    OTHERS = "best on the other targets"
    BLIND = "random choice"


@dataclass(frozen=True)
class BacktestRow:
    """How well one target's tasks were ranked without its results.

    Args:
        tasks: how many there were to choose from.
        cost_1, cost_3: the best task's gain minus that of the best of the first 1 and 3; of 1.
        regret_1, regret_3: the same as a percentage of the best score, see
            `statistics.ranking.regret`.
        ndcg: see `statistics.ranking.ndcg`. All are means over the orders of equals: a random
            choice has its expected values.
        inside: share of the tasks whose gain lies in the interval that was given; NaN without.
    """

    encoder: str
    target: str
    policy: str
    tasks: int
    cost_1: float
    cost_3: float
    regret_1: float
    regret_3: float
    ndcg: float
    inside: float = NAN


def leave_one_target_out(gains: pd.DataFrame, measures: pd.DataFrame) -> pd.DataFrame:
    """Three rows for each encoder and target, see `BacktestRow`; none for a target of one task.

    A target with a negative score (a correlation) has no row: regret and NDCG are shares of scores.

    Args:
        gains: with the columns `predict.GAINS`, one row per encoder, setting and target.
        measures: see `analysis.measures_table`; may be empty.
    """
    rows = [
        asdict(row)
        for encoder, own in gains.groupby("encoder", sort=False)
        for target, here in own.groupby("target", sort=False)
        if len(here) > 1 and here["score"].min() >= 0
        for row in _target((str(encoder), str(target)), here, own, measures)
    ]
    return pd.DataFrame(rows, columns=[column.name for column in fields(BacktestRow)])


def mean_cost(past: pd.DataFrame, policy: Policy, column: str = "cost_1") -> Estimate:
    """The mean cost of a policy; see `regret.over_targets` for its interval, which is clipped.

    Args:
        past: from `leave_one_target_out`, of one encoder.
        column: a cost or a regret.
    """
    values = past.loc[past["policy"] == policy, column].to_numpy(dtype=np.float64)
    n = len(values)
    if n < NEEDED:
        return missing_estimate(n, too_few(n, NEEDED, "targets with several tasks"))
    most = 100.0 if column.startswith("regret") else 1.0
    return over_targets(values.tolist()).clipped(0.0, most)


def _target(
    pair: tuple[str, str], here: pd.DataFrame, own: pd.DataFrame, measures: pd.DataFrame
) -> Iterator[BacktestRow]:
    encoder, target = pair
    rest = own[own["target"] != target]
    tasks = here["intermediate"].tolist()
    gain, score = (here[name].to_numpy(dtype=np.float64) for name in ("gain", "score"))
    advice = recommend(tasks, target, encoder, KnownGains(rest, measures))
    advice = advice.set_index("candidate").loc[tasks]
    inside = gain[advice["low"].notna()]
    low, high = (advice[end].dropna().to_numpy(dtype=np.float64) for end in ("low", "high"))
    covered = float(((inside >= low) & (inside <= high)).mean()) if len(inside) else NAN
    guess = advice["gain"].fillna(LAST - advice["mean_rank"].fillna(-LAST))
    wide = own.pivot_table(index="intermediate", columns="target", values="gain", sort=False)
    others = by_other_targets(wide)[target].reindex(tasks).fillna(LAST)
    yield _ranked(pair, Policy.ADVICE, guess.to_numpy(dtype=np.float64), score, covered)
    yield _ranked(pair, Policy.OTHERS, others.to_numpy(dtype=np.float64), score)
    yield _ranked(pair, Policy.BLIND, np.zeros(len(tasks)), score)


def _ranked(
    pair: tuple[str, str],
    policy: Policy,
    guess: Floats,
    score: Floats,
    inside: float = NAN,
) -> BacktestRow:
    n, best = len(score), float(score.max())
    lost = [expected_regret(guess, score, k) if best > 0 else 0.0 for k in (1, 3)]
    one, three = (lost_share / 100 * best for lost_share in lost)  # as of gains: one baseline
    order = expected_ndcg(guess, score)
    return BacktestRow(*pair, policy, n, one, three, lost[0], lost[1], order, inside)
