"""Exact nearest neighbours by cosine, in blocks, so that memory grows with n and not with n².

Each of the cores that are allowed takes rows of its own, and its products are of one thread:
while one looks through a block another multiplies. What is found does not depend on how many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from xstilts.core.cpu import core_limit, parallel_map
from xstilts.core.errors import DataError
from xstilts.metrics.topk import Places, TopK, empty, flush, merge, update

BLOCK = 1024
"""Rows and columns of a block: its cosines stay in the cache while they are looked through."""
ALONG, DOWN = 512, 32
"""Cosines of a row, or of a column, that are looked at closely if their highest is worth it."""

TILE = 64
"""Rows and columns that BLAS's tiles divide."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbors:
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


def knn(queries: Vectors, candidates: Vectors) -> Places:
    """[q] the row of the candidate with the highest cosine, of equals the first.

    Args:
        queries: [q, d], candidates: [c, d] with c > 0; rows of any length.

    Source: `similarity_search` of XTREME's utils_retrieve.py, which finds the smallest
    Euclidean distance between unit vectors.
    """
    found, _ = bidirectional_knn(queries, candidates, 1)
    return found.place[:, 0]


def bidirectional_knn(left: Vectors, right: Vectors, k: int) -> tuple[Neighbors, Neighbors]:
    """The k nearest rows of `right` for each row of `left`, and the reverse.

    A cosine is computed once and serves both directions. Sides with fewer than k rows are
    taken whole.
    """
    one, other = unit(left), unit(right)
    ks = min(k, len(other)), min(k, len(one))

    def look(first: int) -> tuple[TopK, TopK]:
        mine = one[first : first + share]
        forward, backward = empty(len(mine), ks[0]), empty(len(other), ks[1])
        for rows, columns, near in _products(mine, other):
            update(forward, rows, columns.start, near, ALONG)
            update(backward, columns, first + rows.start, near.T, DOWN)
        return flush(forward, BLOCK), flush(backward, BLOCK)

    blocks = max(1, -(-len(one) // BLOCK))
    share = BLOCK * -(-blocks // min(blocks, core_limit()))
    with _products_of_one_thread():
        found = list(parallel_map(look, range(0, max(1, len(one)), share)))
    return _together([there for there, _ in found]), _merged([back for _, back in found])


@contextmanager
def _products_of_one_thread() -> Iterator[None]:
    """Let BLAS multiply in the thread that asks, if there are several of them."""
    if core_limit() == 1:
        yield
        return
    with _libraries().select(user_api="blas").limit(limits=1):
        yield


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def tiled_matmul(one: Vectors, other: Vectors, out: Vectors | None = None) -> Vectors:
    """[n, d], [m, d] → [n, m] dot products; those of equal rows are equal to the last bit.

    BLAS adds up in another order at the edges of a matrix whose sides its tiles do not fill, so
    they are filled with zeros. `out` is used where nothing has to be filled.
    """
    if not (len(one) % TILE or len(other) % TILE):
        return np.matmul(one, other.T, out=out)
    near: Vectors = np.matmul(pad_to_tile(one), pad_to_tile(other).T)[: len(one), : len(other)]
    return near


def pad_to_tile(side: Vectors) -> Vectors:
    """Rows of zeros added until tiles divide them; the same where they do."""
    more = -len(side) % TILE
    return np.pad(side, ((0, more), (0, 0))) if more else side


def _products(one: Vectors, other: Vectors) -> Iterator[tuple[slice, slice, Vectors]]:
    """Rows, columns and their cosines, block by block; each takes the last one's place."""
    room = np.empty((BLOCK, BLOCK), dtype=np.float32)
    for rows in _blocks(len(one)):
        for columns in _blocks(len(other)):
            whole = (rows.stop - rows.start, columns.stop - columns.start) == room.shape
            yield rows, columns, tiled_matmul(one[rows], other[columns], room if whole else None)


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


def _together(found: Sequence[TopK]) -> Neighbors:
    """Of rows one after the other."""
    return Neighbors(
        np.concatenate([one.score for one in found]), np.concatenate([one.place for one in found])
    )


def _merged(found: Sequence[TopK]) -> Neighbors:
    """Of the same rows."""
    first, *others = found
    for other in others:
        merge(first, other, BLOCK)
    return Neighbors(first.score, first.place)
