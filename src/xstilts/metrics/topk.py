"""The k highest of each row of a matrix that is only ever there block by block.

After the first blocks few scores are higher than the k known ones. One pass for the highest of
each strip of a row tells where these are. They wait until as many wait as are known: to take them
in at every block would cost as much as to make the block.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Places = NDArray[np.int64]

NARROW = 32
"""Columns of a strip where most strips hold something higher."""
LISTS = 64
"""Of what waits for the rows of a block, at most: many short arrays are large."""


@dataclass(frozen=True)
class Pending:
    """Scores that are higher than what was known: [m] rows of a block, scores, places."""

    row: Places
    score: Scores
    place: Places


@dataclass(frozen=True)
class TopK:
    """The k highest so far of each of n rows, the highest first, of equals the first.

    Args:
        score, place: [n, k]; -inf and 0 where there are none yet.
        waiting: by the first row of a block, what is to be taken in.
    """

    score: Scores
    place: Places
    waiting: dict[int, list[Pending]] = field(default_factory=lambda: defaultdict(list))


def empty(rows: int, k: int) -> TopK:
    """Before the first block."""
    score = np.full((rows, k), -np.inf, dtype=np.float32)
    return TopK(score, np.zeros((rows, k), dtype=np.int64))


def update(best: TopK, rows: slice, first: int, block: Scores, width: int) -> None:
    """Look through a block of scores, [rows, columns], whose first column is `first`.

    Args:
        rows: the same slices at every call.
        width: columns of a strip.
    """
    known = best.score[rows]
    found = _higher(block, known[:, -1], known.shape[1], width)
    if not len(found.row):
        return
    waiting = best.waiting[rows.start]
    waiting.append(replace(found, place=first + found.place))
    if sum(len(one.row) for one in waiting) >= known.size or len(waiting) == LISTS:
        _flush(best, rows)


def flush(best: TopK, size: int) -> TopK:
    """Take in all that waits, in blocks of so many rows."""
    for start in list(best.waiting):
        _flush(best, slice(start, min(start + size, len(best.score))))
    return best


def merge(best: TopK, other: TopK, size: int) -> None:
    """Take in what was found for the same rows elsewhere, in blocks of so many.

    Nothing may wait in either.
    """
    for start in range(0, len(best.score), size):
        rows = slice(start, min(start + size, len(best.score)))
        more = other.score[rows]
        row = np.repeat(np.arange(len(more)), more.shape[1])
        best.waiting[start].append(Pending(row, more.ravel(), other.place[rows].ravel()))
        _flush(best, rows)


def _higher(block: Scores, floor: Scores, k: int, width: int) -> Pending:
    """All that is higher than its row's floor; where most is, what may be among the k highest."""
    strips = _strips(block, width)
    highest = strips.max(axis=2)
    where = highest > floor[:, None]
    if 2 * np.count_nonzero(where) > where.size:  # as in the first blocks
        strips = _strips(block, NARROW)
        highest = strips.max(axis=2)
        floor = np.maximum(floor, _below(highest, k))
        where = highest > floor[:, None]
    row, strip = _true(where)
    close = strips[row, strip]
    at, along = _true(close > floor[row, None])
    return Pending(row[at], close[at, along], strips.shape[2] * strip[at] + along)


def _strips(block: Scores, width: int) -> Scores:
    """[rows, columns] → [rows, strips, width]: strips alike and as wide as asked for, or less."""
    columns = block.shape[1]
    fitting = next(size for size in range(min(width, columns), 0, -1) if columns % size == 0)
    return block.reshape(len(block), -1, fitting)


def _below(highest: Scores, k: int) -> Scores:
    """[rows, strips] → [rows] just below the k-th highest strip: k scores at least are higher."""
    if highest.shape[1] < k:
        return np.full(len(highest), -np.inf, dtype=np.float32)
    kth = np.partition(highest, -k, axis=1)[:, -k]
    return np.nextafter(kth, np.float32(-np.inf))


def _true(where: NDArray[np.bool_]) -> tuple[Places, Places]:
    """Rows and columns; faster than `nonzero` of two dimensions where few are true."""
    rows, columns = np.divmod(np.flatnonzero(where), where.shape[1])
    return rows, columns


def _flush(best: TopK, rows: slice) -> None:
    """The k best of what is known and of what waits for the rows of a block."""
    waiting = best.waiting.pop(rows.start)
    known, k = best.score[rows], best.score.shape[1]
    row = np.concatenate([np.repeat(np.arange(len(known)), k), *(one.row for one in waiting)])
    score = np.concatenate([known.ravel(), *(one.score for one in waiting)])
    place = np.concatenate([best.place[rows].ravel(), *(one.place for one in waiting)])
    order = np.lexsort((place, -score, row))
    chosen = order[np.searchsorted(row[order], np.arange(len(known)))[:, None] + np.arange(k)]
    best.score[rows], best.place[rows] = score[chosen], place[chosen]
