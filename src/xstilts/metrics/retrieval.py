"""Sentence retrieval by exact cosine search, with several correct answers allowed.

The statistics of one query are (at rank 1, reciprocal rank, 1) in the columns of its
direction: 0–2 for queries of a language searched in English, 3–5 for English queries. For
these, columns 6–7 are (Tatoeba's own hit, 1) where the task is parallel line by line.
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
"""Most cosines that are held at once."""


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
    left, right = unit(queries), unit(candidates)
    answers = _Answers.of(query_meanings, candidate_meanings)
    found = np.zeros(len(left), dtype=np.int64)
    filled = pad_to_tile(right)  # once, not at every strip
    step = max(1, min(BLOCK, COSINES // max(1, len(right))))
    for start in range(0, len(left), step):
        rows = slice(start, start + step)
        near = tiled_matmul(left[rows], filled)[:, : len(right)]
        count, query, place = answers.of_queries(rows)
        asked, cosine = np.flatnonzero(count), near[query, place]
        best = np.full(len(near), np.inf, dtype=np.float32)
        best[asked] = np.maximum.reduceat(cosine, (np.cumsum(count) - count)[asked])
        before = np.count_nonzero(near >= best[:, None], axis=1)
        before -= np.bincount(query[cosine == best[query]], minlength=len(near))
        found[rows] = np.where(count, before + 1, 0)
    return found


@dataclass(frozen=True)
class _Answers:
    """Which candidates are correct for which query.

    Args:
        place: [c] candidates, those of one meaning together.
        first, count: [q] where those of each query begin in `place`, and how many there are.
    """

    place: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, queries: Sequence[str], candidates: Sequence[str]) -> _Answers:
        codes = {meaning: code for code, meaning in enumerate(dict.fromkeys(candidates))}
        meant = np.array([codes[meaning] for meaning in candidates], dtype=np.int64)
        wanted = np.array([codes.get(meaning, len(codes)) for meaning in queries], dtype=np.int64)
        place = np.argsort(meant, kind="stable")
        first = np.searchsorted(meant[place], wanted)
        last = np.searchsorted(meant[place], wanted, side="right")
        return cls(place, first, last - first)

    def of_queries(
        self, rows: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Of some queries: how many answers each has; of each answer, its query and its place."""
        count = self.count[rows]
        query = np.repeat(np.arange(len(count)), count)
        turn = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
        return count, query, self.place[np.repeat(self.first[rows], count) + turn]


def nearest_rows(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], lines: NDArray[np.int64]
) -> NDArray[np.int64]:
    """[q] the line of the nearest candidate, of equally near ones the first in the file.

    Args:
        queries: [q, d], candidates: [c, d] with c > 0; rows of any length.
        lines: [c] each candidate's line in its file; candidates may come in any order.

    With English queries these are Tatoeba's official predictions, right where they are the
    query's own line: other lines with the same text are wrong, and where an encoder maps
    everything to one point the first line is right.
    """
    order = np.argsort(lines, kind="stable")
    found: NDArray[np.int64] = lines[order][knn(queries, candidates[order])]
    return found


def statistics(
    found: NDArray[np.int64], *, from_english: bool, own_line: NDArray[np.bool_] | None = None
) -> Floats:
    """[q, 8] from ranks of queries that have an answer.

    Args:
        found: [q] ranks from 1.
        own_line: [q] of English queries, whether `nearest_rows` found the query's own line;
            none for tasks without lines.
    """
    rows = np.zeros((len(found), COLUMNS))
    columns = slice(3, 6) if from_english else slice(0, 3)
    rows[:, columns] = np.stack([found == 1, 1 / found, np.ones(len(found))], axis=1)
    if from_english and own_line is not None:
        rows[:, 6:] = np.stack([own_line, np.ones(len(found))], axis=1)
    return rows


def _official(sums: Floats) -> Floats:
    """Hits over English queries."""
    return ratio(sums[..., 6], sums[..., 7])


def _one_way(column: int, direction: int) -> Callable[[Floats], Floats]:
    return lambda sums: ratio(sums[..., direction + column], sums[..., direction + 2])


def _both_ways(column: int) -> Callable[[Floats], Floats]:
    to_english, from_english = _one_way(column, 0), _one_way(column, 3)
    return lambda sums: (to_english(sums) + from_english(sums)) / 2


def _precomputed(gold: Sequence[Any], predicted: Any, language: str) -> Floats:
    """The score stage computes retrieval statistics from vectors and passes them through."""
    return np.asarray(predicted, dtype=np.float64).reshape(-1, COLUMNS)


def _metric(name: str, value: Callable[[Floats], Floats], title: str) -> Metric:
    return Metric(name, 1, _precomputed, value, ("retrieval",), title)


ACCURACY_AT_1 = _metric("accuracy_at_1", _both_ways(0), "nearest is correct; mean of directions")
ACCURACY_AT_1_TO_EN = _metric("accuracy_at_1_to_en", _one_way(0, 0), "searched in English")
ACCURACY_AT_1_FROM_EN = _metric("accuracy_at_1_from_en", _one_way(0, 3), "English searched")
MRR = _metric("mrr", _both_ways(1), "mean reciprocal rank; mean of directions")
MRR_TO_EN = _metric("mrr_to_en", _one_way(1, 0), "mean reciprocal rank, searched in English")
MRR_FROM_EN = _metric("mrr_from_en", _one_way(1, 3), "mean reciprocal rank, English searched")
TATOEBA_ACCURACY = _metric(
    "tatoeba_accuracy", _official, "English searched, right only at its own line; XTREME's rule"
)
