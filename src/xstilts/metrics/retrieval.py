"""Sentence retrieval by exact cosine search, with several correct answers allowed.

The statistics of one query are (at rank 1, reciprocal rank, 1) in the columns of its
direction: 0–2 for queries of a language searched in English, 3–5 for English queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.base import Floats, Metric, ratio

BLOCK = 1024


def ranks(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    query_meanings: Sequence[str],
    candidate_meanings: Sequence[str],
) -> NDArray[np.int64]:
    """Rank (from 1) of the best correct candidate for each query; 0 where there is none.

    Args:
        queries: [q, d], candidates: [c, d]; rows of any length, compared by cosine.

    Candidates that are exactly as near as the best correct one count before it, so that
    an encoder which maps everything to one point gets no credit.
    """
    left, right = _unit(queries), _unit(candidates)
    codes = {meaning: code for code, meaning in enumerate(dict.fromkeys(candidate_meanings))}
    answers = np.array([codes[meaning] for meaning in candidate_meanings], dtype=np.int64)
    wanted = np.array([codes.get(meaning, -1) for meaning in query_meanings], dtype=np.int64)
    found = np.zeros(len(left), dtype=np.int64)
    for start in range(0, len(left), BLOCK):
        rows = slice(start, start + BLOCK)
        near = left[rows] @ right.T
        correct = wanted[rows, None] == answers[None, :]
        best = np.where(correct, near, -np.inf).max(axis=1, initial=-np.inf)
        before = (~correct & (near >= best[:, None])).sum(axis=1)
        found[rows] = np.where(correct.any(axis=1), before + 1, 0)
    return found


def statistics(found: NDArray[np.int64], *, from_english: bool) -> Floats:
    """[q, 6] from ranks of queries that have an answer."""
    rows = np.zeros((len(found), 6))
    columns = slice(3, 6) if from_english else slice(0, 3)
    rows[:, columns] = np.stack([found == 1, 1 / found, np.ones(len(found))], axis=1)
    return rows


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _one_way(column: int, direction: int) -> Callable[[Floats], Floats]:
    return lambda sums: ratio(sums[..., direction + column], sums[..., direction + 2])


def _both_ways(column: int) -> Callable[[Floats], Floats]:
    to_english, from_english = _one_way(column, 0), _one_way(column, 3)
    return lambda sums: (to_english(sums) + from_english(sums)) / 2


def _given(gold: Sequence[Any], predicted: Sequence[Any]) -> Floats:
    """The score stage computes retrieval statistics from vectors and passes them through."""
    return np.asarray(predicted, dtype=np.float64).reshape(-1, 6)


def _metric(name: str, value: Callable[[Floats], Floats], title: str) -> Metric:
    return Metric(name, 1, _given, value, ("retrieval",), title)


ACCURACY_AT_1 = _metric("accuracy_at_1", _both_ways(0), "nearest is correct; mean of directions")
ACCURACY_AT_1_TO_EN = _metric("accuracy_at_1_to_en", _one_way(0, 0), "searched in English")
ACCURACY_AT_1_FROM_EN = _metric("accuracy_at_1_from_en", _one_way(0, 3), "English searched")
MRR = _metric("mrr", _both_ways(1), "mean reciprocal rank; mean of directions")
MRR_TO_EN = _metric("mrr_to_en", _one_way(1, 0), "mean reciprocal rank, searched in English")
MRR_FROM_EN = _metric("mrr_from_en", _one_way(1, 3), "mean reciprocal rank, English searched")
