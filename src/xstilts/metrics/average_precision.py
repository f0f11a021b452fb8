"""Mean average precision of the first 20 answers of a search, with several right answers.

The average precision of a query is the sum of the precisions at the ranks of its right answers,
divided by the number of right answers or 20, whichever is smaller: `average_precision_at_k` of
XTREME-R's utils_lareqa.py (Roy et al. 2020, arXiv 2004.05484). With one right answer it is the
reciprocal rank, 0 from rank 21: `mean_reciprocal_rank` of XTREME-R's utils_mewslix.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xstilts.metrics.base import Floats, Metric, ratio

DEPTH = 20
"""Ranks that count."""


def average_precision(right_ranks: Sequence[int], right_answers: int, depth: int = DEPTH) -> float:
    """Average precision of a query among its first `depth` answers.

    Args:
        right_ranks: ranks of right answers, from 1; ranks beyond `depth` count nothing.
        right_answers: number of right answers in the pool, at least 1.
    """
    counted = sorted(rank for rank in right_ranks if rank <= depth)
    precisions = (number / rank for number, rank in enumerate(counted, start=1))
    return sum(precisions) / min(right_answers, depth)


def _statistics(gold: Sequence[Any], predicted: Sequence[Any], _language: str) -> Floats:
    """[n, 2]: average precision and 1 of each query.

    Args:
        gold: the number of right answers of each query; a gold answer that is no number is the
            only right one.
        predicted: the ranks of each query's right answers; a single rank where there is only one.
    """
    rows = [
        (average_precision(_ranks(ranks), answer if isinstance(answer, int) else 1), 1.0)
        for answer, ranks in zip(gold, predicted, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _ranks(predicted: int | Sequence[int]) -> Sequence[int]:
    return (predicted,) if isinstance(predicted, int) else predicted


def _mean(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 1])


MAP_AT_20 = Metric(
    name="map_at_20",
    version=1,
    statistics=_statistics,
    value=_mean,
    formats=("answer_retrieval", "dual_encoder"),
    title="mean average precision of the first 20 answers",
)
