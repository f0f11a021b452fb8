"""Bitext mining: find translation pairs between two collections of sentences.

Source: `mine_bitext` of XTREME's utils_retrieve.py with retrieval "max" (from LASER; Artetxe
and Schwenk 2019), also in jiant: ratio margins over k nearest neighbours, the best neighbour of
each sentence in both directions, then greedy one-to-one matching in order of score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.approximate_products import ApproximateProduct
from xstilts.metrics.base import Floats
from xstilts.metrics.filtered_knn import filtered_knn
from xstilts.metrics.knn import Neighbors, Vectors, bidirectional_knn
from xstilts.metrics.topk import Indices

MATCHED_TOGETHER = 65_536
"""Pairs that are Python objects at the same time."""


@dataclass(frozen=True)
class Matching:
    """One-to-one pairs of sentences in order of descending score.

    Args:
        source, target: [p] rows of the two collections.
        score: [p] ratio margins, positive.
    """

    source: Indices
    target: Indices
    score: Floats


@dataclass(frozen=True)
class MinedPairs:
    """The mined pairs of one source sentence.

    Args:
        source: id of the source sentence.
        targets: ids of the mined target sentence: several if its text is repeated, none if
            nothing was mined.
        score: ratio margin; 0 if nothing was mined.
        repeated: whether the text of either sentence occurs more than once in its collection.
    """

    source: str
    targets: tuple[str, ...] = ()
    score: float = 0.0
    repeated: bool = False


def deduplicate(texts: Sequence[str]) -> tuple[Indices, Indices]:
    """Return the first row of each distinct text, `kept` [u], and `inverse` [n].

    `texts[kept[inverse[i]]]` is the text of row i, spaces around it aside. XTREME keeps the last
    row of equal texts; their vectors are the same.
    """
    codes: dict[str, int] = {}
    inverse = [codes.setdefault(text.strip(), len(codes)) for text in texts]
    _, kept = np.unique(np.array(inverse, dtype=np.int64), return_index=True)
    return kept.astype(np.int64), np.array(inverse, dtype=np.int64)


def mine_pairs(
    source: Vectors,
    target: Vectors,
    neighbours: int = 4,
    product: ApproximateProduct | None = None,
) -> Matching:
    """Mine pairs among the vectors of two collections without repeated sentences.

    Args:
        source: [n, d], target: [m, d]; compared by cosine, rows need not be normalized.
        neighbours: number of nearest sentences in a neighbourhood.
        product: makes large searches faster and changes no bit of the result.

    The score is cosine / mean of the two sentences' mean cosines with their neighbours.
    Ties are broken by source row; the reference uses an unstable sort.
    """
    if not (len(source) and len(target)):
        return Matching(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    if product is None:
        forward, backward = bidirectional_knn(source, target, neighbours)
    else:
        forward, backward = filtered_knn(source, target, neighbours, product)
    best_target, target_margin = _best_by_margin(forward, backward)
    best_source, source_margin = _best_by_margin(backward, forward)
    rows = np.concatenate([np.arange(len(source)), best_source])
    columns = np.concatenate([best_target, np.arange(len(target))])
    scores = np.concatenate([target_margin, source_margin])
    order = np.argsort(-scores, kind="stable")
    chosen = _greedy_matching(rows, columns, order[scores[order] > 0])
    return Matching(rows[chosen], columns[chosen], scores[chosen])


def _best_by_margin(queries: Neighbors, candidates: Neighbors) -> tuple[Indices, Floats]:
    """Return for each query the neighbour with the highest margin, and that margin."""
    query_means, candidate_means = (
        side.cosine.mean(axis=1, dtype=np.float64) for side in (queries, candidates)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = queries.cosine / ((query_means[:, None] + candidate_means[queries.index]) / 2)
    margins = np.where(np.isnan(margins), -np.inf, margins)
    best = margins.argmax(axis=1)[:, None]
    index = np.take_along_axis(queries.index, best, axis=1)
    return index[:, 0], np.take_along_axis(margins, best, axis=1)[:, 0]


def _greedy_matching(rows: Indices, columns: Indices, order: Indices) -> NDArray[np.int64]:
    """Return the items of `order` whose row and column are in no earlier pair."""
    free_rows = bytearray(b"\1") * (rows.max(initial=-1) + 1)
    free_columns = bytearray(b"\1") * (columns.max(initial=-1) + 1)
    chosen = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(order), MATCHED_TOGETHER):
        items = order[start : start + MATCHED_TOGETHER]
        is_chosen = np.zeros(len(items), dtype=bool)
        pairs = zip(rows[items].tolist(), columns[items].tolist(), strict=True)
        for position, (row, column) in enumerate(pairs):
            if free_rows[row] and free_columns[column]:
                free_rows[row] = free_columns[column] = 0
                is_chosen[position] = True
        chosen.append(items[is_chosen])
    return np.concatenate(chosen)


def group_by_source(
    matching: Matching,
    source_ids: Sequence[str],
    source_inverse: Indices,
    target_ids: Sequence[str],
    target_inverse: Indices,
) -> list[MinedPairs]:
    """Return the mined pairs of every source sentence, duplicates included, in their order.

    Args:
        matching: pairs among the rows that `deduplicate` kept.
        source_ids, target_ids: [n], [m] ids of all sentences.
        source_inverse, target_inverse: [n], [m] the second result of `deduplicate`.
    """
    ids_of_target: dict[int, list[str]] = {}
    for target_id, code in zip(target_ids, target_inverse.tolist(), strict=True):
        ids_of_target.setdefault(code, []).append(target_id)
    counts = np.bincount(source_inverse)
    pairs = zip(
        matching.source.tolist(), matching.target.tolist(), matching.score.tolist(), strict=True
    )
    matched = {source: (tuple(ids_of_target[target]), score) for source, target, score in pairs}
    rows = []
    for source_id, code in zip(source_ids, source_inverse.tolist(), strict=True):
        targets, score = matched.get(code, ((), 0.0))
        repeated = bool(counts[code] > 1 or len(targets) > 1)
        rows.append(MinedPairs(source_id, targets, score, repeated))
    return rows
