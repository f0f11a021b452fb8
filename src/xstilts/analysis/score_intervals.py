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
    """The scores in the order of the cells, those of a cell in the order of its metrics.

    A cell whose score is not in the store has none.
    """
    return [
        ScoreInterval(
            one.target,
            one.language,
            cell.split,
            one.metric,
            *interval_of(one.metric, one.ids, one.statistics, draws),
            len(one.ids),
        )
        for cell in cells
        for one in _in_order(cell, example_scores([cell], store))
    ]


def _in_order(cell: ResultCell, scores: Iterable[ExampleScores]) -> list[ExampleScores]:
    order = {name: number for number, name in enumerate(cell.metrics)}
    return sorted(scores, key=lambda one: order.get(one.metric, len(order)))


def first_of_each_set(cells: Iterable[ResultCell], store: Store) -> list[ResultCell]:
    """The first cell with a score of each target, language and split; those of a target together.

    Args:
        cells: of one model, from several runs: of one test set they have the same examples, or
            the first of them.
    """
    first: dict[tuple[str, str, str], ResultCell] = {}
    for cell in cells:
        if store.has(cell.key):
            first.setdefault((cell.target, cell.language, cell.split), cell)
    targets = list(dict.fromkeys(target for target, _, _ in first))
    splits = list(dict.fromkeys(split for _, _, split in first))
    return sorted(
        first.values(), key=lambda cell: (targets.index(cell.target), splits.index(cell.split))
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
