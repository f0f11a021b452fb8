"""Exact nearest neighbours by cosine, in blocks, so that memory grows with n and not with n²."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts.core.errors import DataError

BLOCK = 1024
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
    lost = int((~np.isfinite(vectors)).any(axis=1).sum())
    if lost:
        raise DataError(
            f"{lost} of {len(vectors)} sentence vectors are not finite",
            todo="the encoder has lost its numbers: train it anew, at a lower rate",
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


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
    forward, backward = _unknown(len(one), k, len(other)), _unknown(len(other), k, len(one))
    for rows in _blocks(len(one)):
        for columns in _blocks(len(other)):
            near = one[rows] @ other[columns].T
            _see(forward, rows, columns, near)
            _see(backward, columns, rows, near.T)
    return forward, backward


def _unknown(rows: int, k: int, others: int) -> Neighbours:
    shape = rows, min(k, others)
    return Neighbours(np.full(shape, -np.inf, dtype=np.float32), np.zeros(shape, dtype=np.int64))


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, size, BLOCK))


def _see(known: Neighbours, rows: slice, columns: slice, near: Vectors) -> None:
    """Let the cosines of a block into the k best of its rows so far."""
    cosine, place = _top(near, known.cosine.shape[1])
    cosine = np.concatenate([known.cosine[rows], cosine], axis=1)
    place = np.concatenate([known.place[rows], place + columns.start], axis=1)
    order = np.argsort(-cosine, axis=1, kind="stable")[:, : known.cosine.shape[1]]
    known.cosine[rows] = np.take_along_axis(cosine, order, axis=1)
    known.place[rows] = np.take_along_axis(place, order, axis=1)


def _top(near: Vectors, k: int) -> tuple[Vectors, Places]:
    """The k highest of each row: for a small k, k times the highest is faster than sorting."""
    rest, rows = near.copy(), np.arange(len(near))
    places = np.zeros((len(near), min(k, near.shape[1])), dtype=np.int64)
    for rank in range(places.shape[1]):
        places[:, rank] = rest.argmax(axis=1)
        rest[rows, places[:, rank]] = -np.inf
    return np.take_along_axis(near, places, axis=1), places
