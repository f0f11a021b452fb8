"""Sentence retrieval by exact cosine search; a query can have several correct candidates.

The statistics of a query are (rank is 1, reciprocal rank, 1) in the columns of its direction:
0–2 for queries of a language among English candidates, 3–5 for English queries. English queries
of a task that is parallel line by line also have columns 6–7: (Tatoeba's hit, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.base import Floats, Metric, ratio
from xstilts.metrics.knn import BLOCK, knn, pad_to_tile, tiled_matmul, unit

COLUMNS = 8
COSINES = 1 << 25
"""Maximum number of cosines in memory."""


def ranks(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    query_meanings: Sequence[str],
    candidate_meanings: Sequence[str],
) -> NDArray[np.int64]:
    """Rank (from 1) of the best correct candidate of each query; 0 if there is none.

    Args:
        queries: [q, d], candidates: [c, d]; compared by cosine, rows need not be normalized.
        query_meanings: [q], candidate_meanings: [c]; a candidate is correct for a query of the
            same meaning.

    Ties count against the correct candidate, so that an encoder that maps every sentence to
    one point gets no credit.
    """
    left, right = unit(queries), unit(candidates)
    correct = _CorrectCandidates.of(query_meanings, candidate_meanings)
    best_ranks = np.zeros(len(left), dtype=np.int64)
    padded = pad_to_tile(right)  # once, not in every step
    step = max(1, min(BLOCK, COSINES // max(1, len(right))))
    for start in range(0, len(left), step):
        rows = slice(start, start + step)
        cosines = tiled_matmul(left[rows], padded)[:, : len(right)]
        count, query, candidate = correct.of_queries(rows)
        answered, correct_cosine = np.flatnonzero(count), cosines[query, candidate]
        best = np.full(len(cosines), np.inf, dtype=np.float32)
        best[answered] = np.maximum.reduceat(correct_cosine, (np.cumsum(count) - count)[answered])
        ahead = np.count_nonzero(cosines >= best[:, None], axis=1)
        ahead -= np.bincount(query[correct_cosine == best[query]], minlength=len(cosines))
        best_ranks[rows] = np.where(count, ahead + 1, 0)
    return best_ranks


@dataclass(frozen=True)
class _CorrectCandidates:
    """The correct candidates of each query.

    Args:
        candidate: [c] candidates sorted by meaning.
        first, count: [q] start of each query's candidates in `candidate`, and their number.
    """

    candidate: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, queries: Sequence[str], candidates: Sequence[str]) -> _CorrectCandidates:
        codes = {meaning: code for code, meaning in enumerate(dict.fromkeys(candidates))}
        candidate_codes = np.array([codes[meaning] for meaning in candidates], dtype=np.int64)
        query_codes = np.array(
            [codes.get(meaning, len(codes)) for meaning in queries], dtype=np.int64
        )
        candidate = np.argsort(candidate_codes, kind="stable")
        first = np.searchsorted(candidate_codes[candidate], query_codes)
        end = np.searchsorted(candidate_codes[candidate], query_codes, side="right")
        return cls(candidate, first, end - first)

    def of_queries(
        self, rows: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Number of candidates per query; query and candidate of each of these pairs."""
        count = self.count[rows]
        query = np.repeat(np.arange(len(count)), count)
        offset = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
        return count, query, self.candidate[np.repeat(self.first[rows], count) + offset]


def nearest_rows(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], lines: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the line of the nearest candidate of each query, [q]; ties by line.

    Args:
        queries: [q, d], candidates: [c, d] with c > 0; rows need not be normalized.
        lines: [c] line of each candidate in its file; candidates can be in any order.

    With English queries these are the official predictions of Tatoeba, correct if they are the
    query's own line: other lines with the same text are wrong, and for an encoder that maps
    every sentence to one point the first line is correct.
    """
    order = np.argsort(lines, kind="stable")
    nearest: NDArray[np.int64] = lines[order][knn(queries, candidates[order])]
    return nearest


def statistics(
    ranks: NDArray[np.int64], *, from_english: bool, own_line: NDArray[np.bool_] | None = None
) -> Floats:
    """[q, 8] from the ranks of queries that have a correct candidate.

    Args:
        ranks: [q] ranks from 1.
        own_line: [q] for English queries, whether `nearest_rows` returned the query's own line;
            None for tasks that are not parallel by line.
    """
    rows = np.zeros((len(ranks), COLUMNS))
    columns = slice(3, 6) if from_english else slice(0, 3)
    rows[:, columns] = np.stack([ranks == 1, 1 / ranks, np.ones(len(ranks))], axis=1)
    if from_english and own_line is not None:
        rows[:, 6:] = np.stack([own_line, np.ones(len(ranks))], axis=1)
    return rows


HIT, RECIPROCAL_RANK, COUNT = range(3)
"""Columns of a direction."""
TO_ENGLISH, FROM_ENGLISH = 0, 3
"""First column of a direction."""
TO_ENGLISH_COUNT, FROM_ENGLISH_COUNT, TATOEBA_COUNT = TO_ENGLISH + COUNT, FROM_ENGLISH + COUNT, 7
"""Columns that count queries."""
BOTH_COUNTS = (TO_ENGLISH_COUNT, FROM_ENGLISH_COUNT)


def _tatoeba_accuracy(sums: Floats) -> Floats:
    """Tatoeba hits / English queries."""
    return ratio(sums[..., 6], sums[..., TATOEBA_COUNT])


def _in_direction(column: int, direction: int) -> Callable[[Floats], Floats]:
    return lambda sums: ratio(sums[..., direction + column], sums[..., direction + COUNT])


def _mean_of_directions(column: int) -> Callable[[Floats], Floats]:
    to_english = _in_direction(column, TO_ENGLISH)
    from_english = _in_direction(column, FROM_ENGLISH)
    return lambda sums: (to_english(sums) + from_english(sums)) / 2


def _precomputed(gold: Sequence[Any], predicted: Any, language: str) -> Floats:
    """Pass through the statistics, which the score stage computes from the vectors."""
    return np.asarray(predicted, dtype=np.float64).reshape(-1, COLUMNS)


def _metric(
    name: str, value: Callable[[Floats], Floats], counts: tuple[int, ...], title: str
) -> Metric:
    return Metric(
        name=name,
        version=1,
        statistics=_precomputed,
        value=value,
        formats=("retrieval",),
        title=title,
        counts=counts,
    )


ACCURACY_AT_1 = _metric(
    "accuracy_at_1",
    _mean_of_directions(HIT),
    BOTH_COUNTS,
    "accuracy at rank 1, mean of both directions",
)
ACCURACY_AT_1_TO_EN = _metric(
    "accuracy_at_1_to_en",
    _in_direction(HIT, TO_ENGLISH),
    (TO_ENGLISH_COUNT,),
    "accuracy at rank 1, into English",
)
ACCURACY_AT_1_FROM_EN = _metric(
    "accuracy_at_1_from_en",
    _in_direction(HIT, FROM_ENGLISH),
    (FROM_ENGLISH_COUNT,),
    "accuracy at rank 1, from English",
)
MRR = _metric(
    "mrr",
    _mean_of_directions(RECIPROCAL_RANK),
    BOTH_COUNTS,
    "mean reciprocal rank, mean of both directions",
)
MRR_TO_EN = _metric(
    "mrr_to_en",
    _in_direction(RECIPROCAL_RANK, TO_ENGLISH),
    (TO_ENGLISH_COUNT,),
    "mean reciprocal rank, into English",
)
MRR_FROM_EN = _metric(
    "mrr_from_en",
    _in_direction(RECIPROCAL_RANK, FROM_ENGLISH),
    (FROM_ENGLISH_COUNT,),
    "mean reciprocal rank, from English",
)
TATOEBA_ACCURACY = _metric(
    "tatoeba_accuracy",
    _tatoeba_accuracy,
    (TATOEBA_COUNT,),
    "accuracy at rank 1, from English, correct only at the query's own line (XTREME's rule)",
)
