"""Running top-k of the rows of a matrix that is computed block by block.

After the first blocks few scores exceed the current top k. The maximum of each strip of a row
shows where they are. These scores are buffered until there are as many as in the top k, because
merging after every block would cost as much as computing the block.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Indices = NDArray[np.int64]

NARROW = 32
"""Columns of a strip when most strips contain a new top-k score."""
MAX_BUFFERS = 64
"""Most buffered arrays per block of rows: many short arrays waste memory."""


@dataclass(frozen=True)
class Pending:
    """Buffered scores of a block of rows: [m] row in the block, score, column index."""

    row: Indices
    score: Scores
    index: Indices


@dataclass(frozen=True)
class TopK:
    """The k highest scores so far of each of n rows, in descending order; ties by column.

    Args:
        score, index: [n, k]; -inf and 0 in unused slots.
        pending: first row of a block → scores to merge into its top k.
    """

    score: Scores
    index: Indices
    pending: dict[int, list[Pending]] = field(default_factory=lambda: defaultdict(list))


def empty(rows: int, k: int) -> TopK:
    """Return the top k of a matrix without columns."""
    score = np.full((rows, k), -np.inf, dtype=np.float32)
    return TopK(score, np.zeros((rows, k), dtype=np.int64))


def update(top: TopK, rows: slice, first: int, block: Scores, width: int) -> None:
    """Add a block of scores, [rows, columns], whose first column is `first`.

    Args:
        rows: must be the same slices for every range of columns.
        width: columns of a strip.
    """
    current = top.score[rows]
    new = _exceeding(block, current[:, -1], current.shape[1], width)
    add(top, rows, replace(new, index=first + new.index))


def add(top: TopK, rows: slice, new: Pending) -> None:
    """Add scores of a block of rows; `rows` must be the same slices in all calls."""
    if not len(new.row):
        return
    pending = top.pending[rows.start]
    pending.append(new)
    size = top.score[rows].size
    if sum(len(item.row) for item in pending) >= size or len(pending) == MAX_BUFFERS:
        _flush(top, rows)


def flush(top: TopK, size: int) -> TopK:
    """Merge all pending scores, in blocks of `size` rows."""
    for start in list(top.pending):
        _flush(top, slice(start, min(start + size, len(top.score))))
    return top


def merge(top: TopK, other: TopK, size: int) -> None:
    """Merge the top k of the same rows over other columns, in blocks of `size` rows.

    Neither may have pending scores.
    """
    for start in range(0, len(top.score), size):
        rows = slice(start, min(start + size, len(top.score)))
        scores = other.score[rows]
        row = np.repeat(np.arange(len(scores)), scores.shape[1])
        top.pending[start].append(Pending(row, scores.ravel(), other.index[rows].ravel()))
        _flush(top, rows)


def at_least(block: NDArray[Any], floor: NDArray[Any], width: int) -> tuple[Indices, Indices]:
    """Return rows and columns of the elements that are not below the floor of their row.

    Args:
        block: [rows, columns], floor: [rows], both of one type of any kind.
        width: columns of a strip.
    """
    strips = _strips(block, width)
    row, strip = _nonzero(strips.max(axis=2) >= floor[:, None])
    item, offset = _nonzero(strips[row, strip] >= floor[row, None])
    return row[item], strips.shape[2] * strip[item] + offset


def _exceeding(block: Scores, floor: Scores, k: int, width: int) -> Pending:
    """Return scores above the floor of their row; if most are, only those that can be in the top k.

    Args:
        floor: [rows] the k-th highest score so far.
    """
    strips = _strips(block, width)
    highest = strips.max(axis=2)
    above = highest > floor[:, None]
    if 2 * np.count_nonzero(above) > above.size:  # as in the first blocks
        strips = _strips(block, NARROW)
        highest = strips.max(axis=2)
        floor = np.maximum(floor, _below(highest, k))
        above = highest > floor[:, None]
    row, strip = _nonzero(above)
    scores = strips[row, strip]
    item, offset = _nonzero(scores > floor[row, None])
    return Pending(row[item], scores[item, offset], strips.shape[2] * strip[item] + offset)


def _strips(block: NDArray[Any], width: int) -> NDArray[Any]:
    """[rows, columns] → [rows, strips, w] with w the largest divisor of columns up to `width`."""
    columns = block.shape[1]
    fitting = next(size for size in range(min(width, columns), 0, -1) if columns % size == 0)
    return block.reshape(len(block), -1, fitting)


def _below(highest: Scores, k: int) -> Scores:
    """[rows, strips] → [rows] just below the k-th highest strip: at least k scores are higher."""
    if highest.shape[1] < k:
        return np.full(len(highest), -np.inf, dtype=np.float32)
    kth = np.partition(highest, -k, axis=1)[:, -k]
    return np.nextafter(kth, np.float32(-np.inf))


def _nonzero(mask: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Rows and columns; faster than a two-dimensional `np.nonzero` on sparse masks."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def _flush(top: TopK, rows: slice) -> None:
    """Merge the pending scores of a block of rows into its top k."""
    pending = top.pending.pop(rows.start)
    current, k = top.score[rows], top.score.shape[1]
    row = np.concatenate([np.repeat(np.arange(len(current)), k), *(item.row for item in pending)])
    score = np.concatenate([current.ravel(), *(item.score for item in pending)])
    index = np.concatenate([top.index[rows].ravel(), *(item.index for item in pending)])
    order = np.lexsort((index, -score, row))
    kept = order[np.searchsorted(row[order], np.arange(len(current)))[:, None] + np.arange(k)]
    top.score[rows], top.index[rows] = score[kept], index[kept]
