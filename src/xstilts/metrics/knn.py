"""Exact nearest neighbours by cosine, in blocks, so that memory grows with n and not with n².

Rows are divided among the available cores, each with a single-threaded BLAS, so that one core
multiplies while another searches a block. The result does not depend on the number of cores.
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
    forward_k, backward_k = min(k, len(right)), min(k, len(left))

    def search(first: int) -> tuple[TopK, TopK]:
        chunk = left[first : first + chunk_size]
        forward, backward = empty(len(chunk), forward_k), empty(len(right), backward_k)
        for rows, columns, cosines in _cosine_blocks(chunk, right):
            update(forward, rows, columns.start, cosines, ROW_STRIP)
            update(backward, columns, first + rows.start, cosines.T, COLUMN_STRIP)
        return flush(forward, BLOCK), flush(backward, BLOCK)

    blocks = max(1, -(-len(left) // BLOCK))
    chunk_size = BLOCK * -(-blocks // min(blocks, core_limit()))
    with single_threaded_blas():
        results = list(parallel_map(search, range(0, max(1, len(left)), chunk_size)))
    forward = _concatenated([forward for forward, _ in results])
    return forward, _merged([backward for _, backward in results])


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


def _cosine_blocks(left: Vectors, right: Vectors) -> Iterator[tuple[slice, slice, Vectors]]:
    """Yield rows, columns and their cosines by block; a block's memory is reused by the next."""
    buffer = np.empty((BLOCK, BLOCK), dtype=np.float32)
    for rows in row_blocks(len(left)):
        for columns in row_blocks(len(right)):
            full = (rows.stop - rows.start, columns.stop - columns.start) == buffer.shape
            out = buffer if full else None
            yield rows, columns, tiled_matmul(left[rows], right[columns], out)


def row_blocks(size: int) -> Iterator[slice]:
    """Yield slices that divide `size` rows into blocks."""
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


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
