"""The k highest of each row of a matrix that is only ever there block by block.

After the first blocks few scores are higher than the k known ones. One pass for the highest of
each strip of a row tells where these are. They wait until as many wait as are known: to take them
in at every block would cost as much as to make the block.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Places = NDArray[np.int64]

LISTS = 64
"""Of what waits for the rows of a block, at most: many short arrays are large."""


@dataclass(frozen=True)
class Waiting:
    """Scores that are higher than what was known: [m] rows of a block, scores, places."""

    row: Places
    score: Scores
    place: Places


@dataclass(frozen=True)
class Best:
    """The k highest so far of each of n rows, the highest first, of equals the first.

    Args:
        score, place: [n, k]; -inf and 0 where there are none yet.
        waiting: by the first row of a block, what is to be taken in.
    """

    score: Scores
    place: Places
    waiting: dict[int, list[Waiting]] = field(default_factory=lambda: defaultdict(list))


def none_yet(rows: int, k: int) -> Best:
    """Before the first block."""
    score = np.full((rows, k), -np.inf, dtype=np.float32)
    return Best(score, np.zeros((rows, k), dtype=np.int64))


def see(best: Best, rows: slice, first: int, block: Scores, width: int) -> None:
    """Look through a block of scores, [rows, columns], whose first column is `first`.

    Args:
        rows: the same slices at every call.
        width: columns of a strip.
    """
    known, floor = best.score[rows].size, best.score[rows, -1]
    first_ones = bool(np.isneginf(floor).any())
    found = None if first_ones else _higher(block, floor, first, width)
    if found is None or len(found.row) > known:
        found = _highest(block, best.score.shape[1], first)
    if not len(found.row):
        return
    waiting = best.waiting[rows.start]
    waiting.append(found)
    if sum(len(one.row) for one in waiting) >= known or len(waiting) == LISTS:
        _settle(best, rows)


def settled(best: Best, size: int) -> Best:
    """Take in all that waits, in blocks of so many rows."""
    for start in list(best.waiting):
        _settle(best, slice(start, min(start + size, len(best.score))))
    return best


def merge(best: Best, other: Best) -> None:
    """Take in what was found for the same rows elsewhere; nothing may wait in either."""
    rows = np.repeat(np.arange(len(other.score)), other.score.shape[1])
    every = Waiting(rows, other.score.ravel(), other.place.ravel())
    best.waiting[0].append(every)
    _settle(best, slice(0, len(best.score)))


def _higher(block: Scores, floor: Scores, first: int, width: int) -> Waiting:
    """All that is higher than its row's floor."""
    width = width if block.shape[1] % width == 0 else block.shape[1]
    strips = block.reshape(len(block), -1, width)
    row, strip = _true(strips.max(axis=2) > floor[:, None])
    close = strips[row, strip]
    at, along = _true(close > floor[row, None])
    return Waiting(row[at], close[at, along], first + width * strip[at] + along)


def _true(where: NDArray[np.bool_]) -> tuple[Places, Places]:
    """Rows and columns; faster than `nonzero` of two dimensions where few are true."""
    rows, columns = np.divmod(np.flatnonzero(where), where.shape[1])
    return rows, columns


def _highest(block: Scores, k: int, first: int) -> Waiting:
    """The k highest of each row; for a small k, k times the highest is faster than sorting."""
    left, rows = block.copy(order="C"), np.arange(len(block))
    k = min(k, block.shape[1])
    scores, places = np.empty((len(block), k), np.float32), np.empty((len(block), k), np.int64)
    for rank in range(k):
        places[:, rank] = left.argmax(axis=1)
        scores[:, rank] = left[rows, places[:, rank]]
        left[rows, places[:, rank]] = -np.inf
    return Waiting(np.repeat(rows, k), scores.ravel(), first + places.ravel())


def _settle(best: Best, rows: slice) -> None:
    """The k best of what is known and of what waits for the rows of a block."""
    waiting = best.waiting.pop(rows.start)
    known, k = best.score[rows], best.score.shape[1]
    row = np.concatenate([np.repeat(np.arange(len(known)), k), *(one.row for one in waiting)])
    score = np.concatenate([known.ravel(), *(one.score for one in waiting)])
    place = np.concatenate([best.place[rows].ravel(), *(one.place for one in waiting)])
    order = np.lexsort((place, -score, row))
    chosen = order[np.searchsorted(row[order], np.arange(len(known)))[:, None] + np.arange(k)]
    best.score[rows], best.place[rows] = score[chosen], place[chosen]
