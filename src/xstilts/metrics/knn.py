"""Exact nearest neighbours by cosine, in blocks, so that memory grows with n and not with n².

Rows are divided among the available cores, each with a single-threaded BLAS, so that one core
multiplies while another searches a block. The result does not depend on the number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from xstilts.core.cpu import core_limit, parallel_map
from xstilts.core.errors import DataError
from xstilts.metrics.topk import Indices, TopK, empty, flush, merge, update

BLOCK = 1024
"""Rows and columns of a block: its cosines stay in the cache while they are searched."""
ROW_STRIP, COLUMN_STRIP = 512, 32
"""Width of the strips (see `topk`) of the rows and of the columns of a block."""

TILE = 64
"""A multiple of the tile sizes of BLAS."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbors:
    """The k nearest neighbours of each of n vectors, nearest first; ties by row.

    Args:
        cosine: [n, k].
        index: [n, k] rows of the other side.
    """

    cosine: Vectors
    index: Indices


def unit(vectors: Vectors) -> Vectors:
    """Normalize rows to unit length; zero rows stay zero.

    Raises:
        DataError: some rows are not finite.
    """
    normalized, non_finite = np.empty(vectors.shape, dtype=np.float32), 0
    for start in range(0, len(vectors), BLOCK):
        rows = vectors[start : start + BLOCK]
        non_finite += int((~np.isfinite(rows)).any(axis=1).sum())
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        np.divide(rows, np.maximum(norms, 1e-12), out=normalized[start : start + BLOCK])
    if non_finite:
        raise DataError(
            f"{non_finite} of {len(vectors)} sentence vectors are not finite",
            todo="the encoder produced NaN or Inf; retrain it with a lower learning rate",
        )
    return normalized


def knn(queries: Vectors, candidates: Vectors) -> Indices:
    """Return for each query the row of the candidate with the highest cosine, [q]; ties by row.

    Args:
        queries: [q, d], candidates: [c, d] with c > 0; rows need not be normalized.

    Source: `similarity_search` of XTREME's utils_retrieve.py, which minimizes the Euclidean
    distance between unit vectors.
    """
    neighbors, _ = bidirectional_knn(queries, candidates, 1)
    return neighbors.index[:, 0]


def bidirectional_knn(left: Vectors, right: Vectors, k: int) -> tuple[Neighbors, Neighbors]:
    """Return the k nearest rows of `right` for each row of `left`, and the reverse.

    Each cosine is computed once and used in both directions. If a side has fewer than k rows,
    all of them are neighbours.
    """
    left, right = unit(left), unit(right)

    def search(rows: slice, forward: TopK, backward: TopK) -> None:
        buffer = cosine_buffer()
        for some in row_blocks(rows.stop, rows.start):
            for columns in row_blocks(len(right)):
                block = Block(rows.start, some, columns)
                add_cosines(left, right, block, (forward, backward), buffer)

    return search_by_chunk((len(left), len(right)), k, search)


@dataclass(frozen=True)
class Block:
    """A block of rows and columns in the chunk of rows that one core searches.

    Args:
        first: first row of the chunk.
        rows, columns: of both sides.
    """

    first: int
    rows: slice
    columns: slice

    @property
    def chunk_rows(self) -> slice:
        """The rows, counted from the first of the chunk."""
        return slice(self.rows.start - self.first, self.rows.stop - self.first)


def search_by_chunk(
    sizes: tuple[int, int], k: int, search: Callable[[slice, TopK, TopK], None]
) -> tuple[Neighbors, Neighbors]:
    """Divide the rows of the left side among the cores, and return the neighbours of both sides.

    Args:
        sizes: rows of the left and of the right side.
        search: adds the cosines of a chunk of rows to the top k of its rows and to that of all
            columns; its blocks are those of `row_blocks`.
    """
    rows, columns = sizes
    blocks = max(1, -(-rows // BLOCK))
    chunk_size = BLOCK * -(-blocks // min(blocks, core_limit()))

    def search_chunk(first: int) -> tuple[TopK, TopK]:
        chunk = slice(first, min(first + chunk_size, rows))
        forward = empty(chunk.stop - chunk.start, min(k, columns))
        backward = empty(columns, min(k, rows))
        search(chunk, forward, backward)
        return flush(forward, BLOCK), flush(backward, BLOCK)

    with single_threaded_blas():
        results = list(parallel_map(search_chunk, range(0, max(1, rows), chunk_size)))
    forward = _concatenated([forward for forward, _ in results])
    return forward, _merged([backward for _, backward in results])


def cosine_buffer() -> Vectors:
    """Memory for the cosines of a block, to be used again by the next."""
    return np.empty((BLOCK, BLOCK), dtype=np.float32)


def add_cosines(
    left: Vectors, right: Vectors, block: Block, tops: tuple[TopK, TopK], buffer: Vectors
) -> None:
    """Compute the cosines of a block of unit vectors and add them to the top k of both sides."""
    queries, candidates = left[block.rows], right[block.columns]
    out = buffer if (len(queries), len(candidates)) == buffer.shape else None
    cosines = tiled_matmul(queries, candidates, out)
    update(tops[0], block.chunk_rows, block.columns.start, cosines, ROW_STRIP)
    update(tops[1], block.columns, block.rows.start, cosines.T, COLUMN_STRIP)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Limit BLAS to the calling thread if several cores search in parallel."""
    if core_limit() == 1:
        yield
        return
    with _thread_pools().select(user_api="blas").limit(limits=1):
        yield


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def tiled_matmul(left: Vectors, right: Vectors, out: Vectors | None = None) -> Vectors:
    """[n, d], [m, d] → [n, m] dot products; products of equal rows are bitwise equal.

    BLAS changes the order of summation at the edges of a matrix that is no multiple of its
    tiles, so such matrices are padded with zeros. `out` is used when there is no padding.
    """
    if not (len(left) % TILE or len(right) % TILE):
        return np.matmul(left, right.T, out=out)
    padded: Vectors = np.matmul(pad_to_tile(left), pad_to_tile(right).T)
    return padded[: len(left), : len(right)]


def pad_to_tile(vectors: Vectors) -> Vectors:
    """Add zero rows up to a multiple of the tile size; return the argument if there are none."""
    missing = -len(vectors) % TILE
    return np.pad(vectors, ((0, missing), (0, 0))) if missing else vectors


def row_blocks(stop: int, first: int = 0) -> Iterator[slice]:
    """Yield slices that divide the rows from `first` to `stop` into blocks."""
    return (slice(start, min(start + BLOCK, stop)) for start in range(first, stop, BLOCK))


def _concatenated(parts: Sequence[TopK]) -> Neighbors:
    """Neighbours of consecutive rows."""
    return Neighbors(
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.index for part in parts]),
    )


def _merged(parts: Sequence[TopK]) -> Neighbors:
    """Neighbours of the same rows among different candidates."""
    first, *others = parts
    for other in others:
        merge(first, other, BLOCK)
    return Neighbors(first.score, first.index)
