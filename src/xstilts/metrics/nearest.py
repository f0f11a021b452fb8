"""Exact nearest neighbours by cosine, in blocks, so that memory grows with n and not with n².

Each of the cores that are allowed takes rows of its own, and its products are of one thread:
while one looks through a block another multiplies. What is found does not depend on how many.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from xstilts.core.cores import allowed, each
from xstilts.core.errors import DataError

BLOCK = 1024
"""Rows and columns of a block: its cosines stay in the cache while they are looked through."""
ALONG, DOWN = 512, 128
"""Cosines of a row, or of a column, that are looked at closely if their highest is worth it."""

TILE = 64
"""Rows and columns that BLAS's tiles divide."""

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each of n vectors, the nearest first, of equals the first.

    Args:
        cosine: [n, k].
        place: [n, k] rows of the other side.
    """

    cosine: Vectors
    place: Places


def unit(vectors: Vectors) -> Vectors:
    """Rows divided by their lengths; rows of zeros stay.

    Raises:
        DataError: some are not finite.
    """
    found, lost = np.empty(vectors.shape, dtype=np.float32), 0
    for start in range(0, len(vectors), BLOCK):
        rows = vectors[start : start + BLOCK]
        lost += int((~np.isfinite(rows)).any(axis=1).sum())
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        np.divide(rows, np.maximum(lengths, 1e-12), out=found[start : start + BLOCK])
    if lost:
        raise DataError(
            f"{lost} of {len(vectors)} sentence vectors are not finite",
            todo="the encoder has lost its numbers: train it anew, at a lower rate",
        )
    return found


def nearest(queries: Vectors, candidates: Vectors) -> Places:
    """[q] the row of the candidate with the highest cosine, of equals the first.

    Args:
        queries: [q, d], candidates: [c, d] with c > 0; rows of any length.

    Source: `similarity_search` of XTREME's utils_retrieve.py, which finds the smallest
    Euclidean distance between unit vectors.
    """
    found, _ = both_ways(queries, candidates, 1)
    return found.place[:, 0]


def both_ways(left: Vectors, right: Vectors, k: int) -> tuple[Neighbours, Neighbours]:
    """The k nearest rows of `right` for each row of `left`, and the reverse.

    A cosine is computed once and serves both directions. Sides with fewer than k rows are
    taken whole.
    """
    one, other = unit(left), unit(right)
    forward = _unknown(len(one), k, len(other))

    def look(first: int) -> Neighbours:
        backward = _unknown(len(other), k, len(one))
        for rows, columns, near in _products(one, other, first, min(first + share, len(one))):
            _see(forward, rows, columns.start, near, ALONG)
            _see(backward, columns, rows.start, near.T, DOWN)
        return backward

    blocks = max(1, -(-len(one) // BLOCK))
    share = BLOCK * -(-blocks // min(blocks, allowed()))
    with _products_of_one_thread():
        backward, *others = each(look, range(0, max(1, len(one)), share))
    for more in others:  # in the order of rows, so that of equals the first stays
        _merge(backward, np.arange(len(other)), more.cosine, more.place)
    return forward, backward


@contextmanager
def _products_of_one_thread() -> Iterator[None]:
    """Let BLAS multiply in the thread that asks, if there are several of them."""
    if allowed() == 1:
        yield
        return
    with _libraries().select(user_api="blas").limit(limits=1):
        yield


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def product(one: Vectors, other: Vectors, out: Vectors | None = None) -> Vectors:
    """[n, d], [m, d] → [n, m] dot products; those of equal rows are equal to the last bit.

    BLAS adds up in another order at the edges of a matrix whose sides its tiles do not fill, so
    they are filled with zeros. `out` is used where nothing has to be filled.
    """
    rows, columns = (-len(side) % TILE for side in (one, other))
    if not (rows or columns):
        return np.matmul(one, other.T, out=out)
    whole, wide = (
        np.pad(side, ((0, more), (0, 0))) for side, more in ((one, rows), (other, columns))
    )
    near: Vectors = np.matmul(whole, wide.T)[: len(one), : len(other)]
    return near


def _products(
    one: Vectors, other: Vectors, start: int, stop: int
) -> Iterator[tuple[slice, slice, Vectors]]:
    """Some rows, columns and their cosines, block by block; each takes the last one's place."""
    room = np.empty((BLOCK, BLOCK), dtype=np.float32)
    for rows in _blocks(start, stop):
        for columns in _blocks(0, len(other)):
            whole = (rows.stop - rows.start, columns.stop - columns.start) == room.shape
            yield rows, columns, product(one[rows], other[columns], room if whole else None)


def _blocks(first: int, end: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, end)) for start in range(first, end, BLOCK))


def _unknown(rows: int, k: int, others: int) -> Neighbours:
    shape = rows, min(k, others)
    return Neighbours(np.full(shape, -np.inf, dtype=np.float32), np.zeros(shape, dtype=np.int64))


def _see(known: Neighbours, rows: slice, first: int, near: Vectors, width: int) -> None:
    """Let the cosines of a block, whose first column is `first`, into the k best of its rows.

    After the first blocks few strips hold anything better, which one pass for their highest
    cosines tells; `width` is a strip's.
    """
    width = width if near.shape[1] % width == 0 else near.shape[1]
    strips = near.reshape(len(near), -1, width)
    row, strip = np.nonzero(strips.max(axis=2) > known.cosine[rows, -1, None])
    cosine, place = _top(strips[row, strip], known.cosine.shape[1])
    place += first + width * strip[:, None]
    turn = np.arange(len(row)) - np.searchsorted(row, row)  # strips of the same row before
    for number in range(turn.max(initial=-1) + 1):
        now = turn == number
        _merge(known, rows.start + row[now], cosine[now], place[now])


def _top(near: Vectors, k: int) -> tuple[Vectors, Places]:
    """The k highest of each row, and their columns; overwrites them in `near`.

    For a small k, k times the highest is faster than sorting.
    """
    shape, rows = (len(near), min(k, near.shape[1])), np.arange(len(near))
    cosines, places = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.int64)
    for rank in range(shape[1]):
        best = near.argmax(axis=1)
        cosines[:, rank], places[:, rank] = near[rows, best], best
        near[rows, best] = -np.inf
    return cosines, places


def _merge(known: Neighbours, rows: Places, cosine: Vectors, place: Places) -> None:
    """Let more cosines [r, m] into the k best of different rows [r]; of equals the old stay."""
    cosine = np.concatenate([known.cosine[rows], cosine], axis=1)
    place = np.concatenate([known.place[rows], place], axis=1)
    order = np.argsort(-cosine, axis=1, kind="stable")[:, : known.cosine.shape[1]]
    order += cosine.shape[1] * np.arange(len(rows))[:, None]
    known.cosine[rows], known.place[rows] = cosine.ravel()[order], place.ravel()[order]
