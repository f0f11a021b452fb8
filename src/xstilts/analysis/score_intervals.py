"""The score of each language with an interval: the bootstrap over its test examples.

One run is described, so the interval holds for other examples of the same kind, not for other
seeds. Source: Efron & Tibshirani (1993).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.analysis.gain_bootstrap import drawn_scores
from xstilts.core.store import Store
from xstilts.metrics import METRICS
from xstilts.planning.compile import ResultCell
from xstilts.statistics.bootstrap import percentiles
from xstilts.statistics.estimate import Floats

DRAWS = 2_000


@dataclass(frozen=True)
class ScoreInterval:
    """A score between 0 and 1 (or of the metric's own range) with its 95 % interval.

    Args:
        n: number of test examples.
    """

    target: str
    language: str
    split: str
    metric: str
    value: float
    low: float
    high: float
    n: int


def score_intervals(
    cells: Sequence[ResultCell], store: Store, draws: int = DRAWS
) -> list[ScoreInterval]:
    """The scores of one run, by target, language and metric, in the order of the cells."""
    splits = {(cell.target, cell.language): cell.split for cell in cells}
    return [
        ScoreInterval(
            one.target,
            one.language,
            splits[one.target, one.language],
            one.metric,
            *interval_of(one.metric, one.ids, one.statistics, draws),
            len(one.ids),
        )
        for one in _in_order(cells, example_scores(cells, store))
    ]


def _in_order(
    cells: Sequence[ResultCell], scores: Iterable[ExampleScores]
) -> Iterable[ExampleScores]:
    metrics = {(cell.target, name): n for cell in cells for n, name in enumerate(cell.metrics)}
    order = {(cell.target, cell.language): number for number, cell in enumerate(cells)}
    return sorted(
        scores,
        key=lambda one: (
            order[one.target, one.language],
            metrics.get((one.target, one.metric), len(metrics)),
        ),
    )


def interval_of(
    metric: str, ids: Sequence[str], statistics: Floats, draws: int = DRAWS
) -> tuple[float, float, float]:
    """The score of examples by a metric, and the ends of its interval.

    Args:
        ids, statistics: [n], [n, k] of the examples.
    """
    own = METRICS.get(metric)
    value = float(own.value(statistics.sum(0)))
    return value, *percentiles(drawn_scores(own, tuple(ids), statistics[None], draws)[:, 0])
