"""Search in one pool of candidates that is too large for memory, with several right answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xstilts.core.cpu import core_limit, parallel_map
from xstilts.metrics.knn import (
    BLOCK,
    ROW_STRIP,
    Neighbors,
    Vectors,
    row_blocks,
    single_threaded_blas,
    tiled_matmul,
    unit,
)
from xstilts.metrics.topk import Indices, TopK, empty, flush, merge, update


def nearest_candidates(queries: Vectors, pool: Sequence[Vectors], k: int) -> Neighbors:
    """Return the k nearest candidates of each query by cosine; ties by candidate.

    A candidate's index is its row in the concatenation of the pool's parts. Parts are read in
    blocks and may be memory-mapped: memory grows with the number of queries, not of candidates.
    The result does not depend on how the pool is divided into parts, nor on the number of cores.

    Args:
        queries: [q, d], pool: parts [c_i, d]; rows need not be normalized. With fewer than k
            candidates, all of them are returned.

    Raises:
        DataError: some vectors are not finite.
    """
    units, starts = unit(queries), np.cumsum([0, *map(len, pool)])
    blocks = [
        (part, rows, int(start) + rows.start)
        for part, start in zip(pool, starts, strict=False)
        for rows in row_blocks(len(part))
    ]
    depth = min(k, int(starts[-1]))
    chunk = max(1, -(-len(blocks) // core_limit()))

    def search(first: int) -> TopK:
        top = empty(len(units), depth)
        for part, rows, position in blocks[first : first + chunk]:
            candidates = unit(part[rows])
            for asked in row_blocks(len(units)):
                cosines = tiled_matmul(units[asked], candidates)
                update(top, asked, position, cosines, ROW_STRIP)
        return flush(top, BLOCK)

    with single_threaded_blas():
        nearest, *others = parallel_map(search, range(0, max(1, len(blocks)), chunk))
    for other in others:
        merge(nearest, other, BLOCK)
    return Neighbors(nearest.score, nearest.index)


def ranked_answers(
    neighbors: Neighbors, right: Sequence[Indices], equals: Sequence[Indices], depth: int
) -> Iterator[tuple[Indices, Indices]]:
    """Yield each query's first `depth` candidates, and the ranks of the right ones (from 1).

    Candidates of equal cosine are ranked against the right answers: wrong ones come first. Equals
    of right answers have no rank: they are neither wrong nor further right answers.

    Args:
        neighbors: the nearest `depth` + m candidates, where m is the largest number of right
            answers and their equals of a query, or all; fewer could hide wrong candidates that tie.
        right: the right candidates of each query.
        equals: see `equal_candidates`.
    """
    for cosines, candidates, answers, same in zip(
        neighbors.cosine, neighbors.index, right, equals, strict=True
    ):
        ranked = ~np.isin(candidates, same)
        cosines, candidates = cosines[ranked], candidates[ranked]
        is_right = np.isin(candidates, answers)
        order = np.lexsort((candidates, is_right, -cosines))[:depth]
        yield candidates[order], np.flatnonzero(is_right[order]) + 1


def answers_by_key(
    query_keys: Sequence[Sequence[str]], candidate_keys: Sequence[Sequence[str]]
) -> list[Indices]:
    """Return the right candidates of each query: those that share a key with it.

    Args:
        query_keys: [q], candidate_keys: [c] keys of each.
    """
    asked = {key for keys in query_keys for key in keys}
    candidates: dict[str, list[int]] = {key: [] for key in asked}
    for number, keys in enumerate(candidate_keys):
        for key in asked.intersection(keys):
            candidates[key].append(number)
    return [
        np.array(sorted({n for key in keys for n in candidates[key]}), dtype=np.int64)
        for keys in query_keys
    ]


def equal_candidates(right: Sequence[Indices], group: Indices) -> list[Indices]:
    """Return the candidates that are not right but have the text of a right one, for each query.

    Args:
        right: [q] the right candidates.
        group: [c] equal for candidates of the same text, which no encoder can distinguish.
    """
    by_group = np.argsort(group, kind="stable")
    in_order = group[by_group]
    return [
        np.setdiff1d(_members(group[answers], by_group, in_order), answers) for answers in right
    ]


def _members(groups: Indices, by_group: Indices, in_order: NDArray[np.int64]) -> Indices:
    """The candidates of some groups."""
    groups = np.unique(groups)
    first = np.searchsorted(in_order, groups)
    end = np.searchsorted(in_order, groups, side="right")
    parts = [by_group[a:b] for a, b in zip(first, end, strict=True)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
