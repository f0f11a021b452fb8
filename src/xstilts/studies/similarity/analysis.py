"""What each measure is worth: correlations, choices and their means over targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from xstilts.analysis.gains import mean_gains
from xstilts.recommend.backtest import leave_one_target_out
from xstilts.recommend.regret import RankingQuality, over_targets, rank_quality
from xstilts.statistics.association import associate_over_targets
from xstilts.statistics.estimate import NAN, Estimate, missing_estimate
from xstilts.statistics.multiple_testing import holm
from xstilts.studies.correlations import UNMEASURED, Association, associated, corrected
from xstilts.studies.similarity.data import SimilarityData
from xstilts.studies.similarity.measures import FORMAT, MEASURES, OTHERS


@dataclass(frozen=True)
class Summary:
    """A measure over all targets.

    Args:
        rho: mean Spearman's correlation; interval and p by drawing and permuting tasks.
        among: the same mean over targets with an interval about other targets.
        given: mean partial correlation given the format, interval about other targets.
        regret1, regret3: means over targets in % of the best score, interval about other targets.
        beside1: regret1 minus what a random choice loses.
    """

    measure: str
    targets: int
    rho: Estimate
    among: Estimate
    given: Estimate
    ndcg: Estimate
    ndcg_by_chance: float
    regret1: Estimate
    regret1_by_chance: float
    beside1: Estimate
    regret3: Estimate
    regret3_by_chance: float
    p_holm: float = NAN

    @property
    def found(self) -> bool:
        """Whether the correlation is found after Holm's correction."""
        return Estimate(self.rho.value, p=self.p_holm).significant


def associations(points: SimilarityData, draws: int) -> list[Association]:
    """Every measure with the gain on every target; Holm over all, without the reference."""

    def some(names: Iterable[str]) -> list[Association]:
        return [
            _association(points, name, target, draws) for target in points.targets for name in names
        ]

    return corrected(some(MEASURES)) + some([OTHERS])


def _association(points: SimilarityData, measure: str, target: str, draws: int) -> Association:
    names = dict.fromkeys((measure, FORMAT))
    measured = pd.DataFrame({name: points.predicted[name][target] for name in names})
    covariates = () if measure == FORMAT else (FORMAT,)
    return associated(target, measure, points.means[target].dropna(), measured, covariates, draws)


def choices_of(points: SimilarityData) -> list[RankingQuality]:
    """The task that each measure would choose for each target, and what that loses."""
    found = (
        rank_quality(target, name, points.predicted[name][target], points.scores[target])
        for target in points.targets
        for name in points.predicted
    )
    return [one for one in found if one]


def summarised(
    points: SimilarityData,
    rows: Sequence[Association],
    choices: Sequence[RankingQuality],
    draws: int,
) -> list[Summary]:
    """Every measure over all targets; Holm over the measures."""
    found = [_over_all(points, name, rows, choices, draws) for name in points.predicted]
    p = holm(np.array([one.rho.p if one.measure in MEASURES else NAN for one in found]))
    return [replace(one, p_holm=float(value)) for one, value in zip(found, p, strict=True)]


def _over_all(
    points: SimilarityData,
    measure: str,
    rows: Sequence[Association],
    choices: Sequence[RankingQuality],
    draws: int,
) -> Summary:
    mine = [row for row in rows if row.measure == measure]
    picks = [one for one in choices if one.measure == measure]
    predicted = points.predicted[measure]
    known = [target for target in points.targets if predicted[target].notna().any()]
    return Summary(
        measure,
        len(known),
        _mean_rho(points, measure, known, draws),
        over_targets([row.spearman.value for row in mine]).clipped(-1, 1),
        over_targets([row.given.value for row in mine]).clipped(-1, 1),
        over_targets([one.ndcg for one in picks]),
        _mean([one.ndcg_by_chance for one in picks]),
        over_targets([one.regret1 for one in picks]),
        _mean([one.regret1_by_chance for one in picks]),
        over_targets([one.regret1 - one.regret1_by_chance for one in picks]),
        over_targets([one.regret3 for one in picks]),
        _mean([one.regret3_by_chance for one in picks]),
    )


def _mean_rho(points: SimilarityData, measure: str, targets: list[str], draws: int) -> Estimate:
    """Without p for the reference, which is made of the very gains that would be permuted."""
    if not targets:
        return missing_estimate(0, UNMEASURED)
    rho = associate_over_targets(points.predicted[measure][targets], points.means[targets], draws)
    return rho if measure in MEASURES else replace(rho, p=NAN)


def lost_by_choice(choices: Sequence[RankingQuality]) -> pd.DataFrame:
    """[targets, measures] regret@1; the reference is no measure to choose."""
    rows = [asdict(one) for one in choices if one.measure in MEASURES]
    table = pd.DataFrame(rows, columns=["target", "measure", "regret1"])
    return table.pivot_table(index="target", columns="measure", values="regret1", sort=False)


def past_advice(points: SimilarityData) -> pd.DataFrame:
    """What `recommend` would have lost on each target, see `hindsight.leave_one_target_out`."""
    runs = points.gains.table
    asked = runs["intermediate"].isin(points.means.index) & runs["target"].isin(points.targets)
    return leave_one_target_out(mean_gains(runs[asked]), points.measures)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else NAN
