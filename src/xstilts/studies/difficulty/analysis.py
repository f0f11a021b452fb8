"""What the answer is read off: gains, measures of difficulty, and how they go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.gains import Gains
from xstilts.statistics.association import MIN_POINTS, Influence, leave_one_out
from xstilts.studies.correlations import Association, associated, corrected
from xstilts.studies.task_table import mean_over_runs, pooled, task_table

ASKED = "accuracy"
ALIKE = "accuracy-one-metric"
COVARIATES = ("size", "length")
POOLED = "all"
LOOKED_FOR = (0.3, 0.5, 0.7)
"""Correlations for which it is said how many tasks would find them."""


@dataclass(frozen=True)
class Difficulty:
    """A measure of difficulty in words, and what a high value of it means."""

    words: str
    high: str


MEASURES: Mapping[str, Difficulty] = {
    ASKED: Difficulty("dev score", "easier"),
    ALIKE: Difficulty("dev score among tasks of the most common metric", "easier"),
    "above-chance": Difficulty("dev score above guessing", "easier"),
    "above-majority": Difficulty("dev score above the most frequent label", "easier"),
    "prequential-ratio": Difficulty("prequential code over the uniform code", "harder"),
    "confidence": Difficulty("probability of the right label during training", "easier"),
    "variability": Difficulty("variation of that probability during training", "ambiguous"),
    "correctness": Difficulty("share of right predictions during training", "easier"),
    "input-only": Difficulty("dev score from a part of the input alone", "easier by shortcuts"),
}


@dataclass(frozen=True)
class DifficultyData:
    """What the answer is read off.

    Args:
        gains: by run.
        means: [tasks, targets] mean gains.
        measures: [tasks, measures].
        retrieval: the columns of `means` that the question is about.
        metrics: task → the metric of its dev score.
    """

    gains: Gains
    means: pd.DataFrame
    measures: pd.DataFrame
    retrieval: tuple[str, ...]
    metrics: Mapping[str, str]

    @property
    def asked(self) -> pd.DataFrame:
        """[tasks, retrieval targets]."""
        return self.means[list(self.retrieval)]

    @property
    def others(self) -> pd.DataFrame:
        """[tasks, targets that are trained]."""
        return self.means.drop(columns=list(self.retrieval))

    @property
    def names(self) -> tuple[str, ...]:
        """The measures of difficulty, the one that was asked for first."""
        alike = len(set(self.metrics.values())) > 1
        return tuple(name for name in MEASURES if name != ALIKE or alike)


def data_of(
    gains: Gains, measures: pd.DataFrame, retrieval: Sequence[str], metrics: Mapping[str, str]
) -> DifficultyData:
    """The points of the answer; targets and tasks as far as they have gains and measures."""
    table = task_table(measures, [name for name in (*MEASURES, *COVARIATES) if name != ALIKE])
    alike = [task for task in table.index if metrics.get(str(task)) == usual(metrics)]
    table[ALIKE] = table[ASKED].where(table.index.isin(alike))
    means = mean_over_runs(gains.table, list(table.index))
    asked = tuple(str(target) for target in means if target in retrieval)
    return DifficultyData(gains, means, table, asked, metrics)


def usual(metrics: Mapping[str, str]) -> str:
    """The metric of most tasks; empty where there are none."""
    return next((metric for metric, _ in Counter(metrics.values()).most_common(1)), "")


def associations(means: pd.DataFrame, points: DifficultyData, draws: int) -> list[Association]:
    """Pooled over the targets first, then target by target, each a family of its own for Holm."""

    def family(targets: Mapping[str, pd.Series[float]]) -> list[Association]:
        return corrected(
            [
                associated(target, name, gain, points.measures, COVARIATES, draws)
                for target, gain in targets.items()
                for name in points.names
            ]
        )

    if not len(means.columns):
        return []
    whole = family({POOLED: pooled(means)})
    each = {str(target): means[target].dropna() for target in means}
    return whole + (family(each) if len(each) > 1 else [])


def influence(points: DifficultyData, measure: str) -> list[Influence]:
    """Each task's influence on the pooled correlation; none where there are too few."""
    both = pd.DataFrame({"x": points.measures[measure], "y": pooled(points.asked)}).dropna()
    if len(both) <= MIN_POINTS or both.nunique().min() < 2:
        return []
    return leave_one_out([str(task) for task in both.index], both["x"], both["y"])
