"""Exact nearest neighbours by cosine, where fast approximate products leave few cosines to compute.

A cosine is computed if the bf16 product of its block does not prove, by the bound of its error (see
`approximate_products`), that it is in no top k. It is computed by the same product of tiles as in
`knn`, so the result has the same bits. Blocks in which too many pairs remain, and those without a
top k to compare with, are computed in fp32 as in `knn`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from xstilts.metrics import knn
from xstilts.metrics.approximate_products import (
    ApproximateProduct,
    ApproximateSides,
    Numbers,
    approximate_sides,
)
from xstilts.metrics.bfloat16 import HIGHEST, Bits, lowest_rounded_bits
from xstilts.metrics.knn import TILE, Block, Neighbors, Vectors, row_blocks, tiled_matmul, unit
from xstilts.metrics.topk import Indices, Pending, Scores, TopK, add, at_least

FEWEST_BLOCKS = 4
"""Of each side, that the approximate products pay for themselves."""
PAIRS_PER_ROW = 4
"""Most pairs of a block that are computed one by one, per row."""
BUFFERED_PER_ROW = 4
"""Candidate pairs per row that are collected before their cosines are computed."""


@dataclass(frozen=True)
class CandidatePairs:
    """Rows of a block, and columns of the right side, that may be neighbours.

    Args:
        row, column: [p] each; a pair may occur once for each side.
    """

    row: Indices
    column: Indices


def filtered_knn(
    left: Vectors, right: Vectors, k: int, product: ApproximateProduct
) -> tuple[Neighbors, Neighbors]:
    """Return the same bits as `bidirectional_knn`, in less time if the product is fast."""
    smallest = min(len(left), len(right))
    if smallest < FEWEST_BLOCKS * knn.BLOCK or not gathering_keeps_bits(left.shape[1]):
        return knn.bidirectional_knn(left, right, k)
    left, right = unit(left), unit(right)
    search = FilteredSearch(left, right, approximate_sides(left, right), product)
    return knn.search_by_chunk((len(left), len(right)), k, search)


@cache
def gathering_keeps_bits(width: int) -> bool:
    """Whether a cosine has the same bits in products of some rows as in the product of a block.

    It has in every BLAS whose order of summation depends on the width alone.
    """
    draw = np.random.default_rng(0)
    left, right = draw.standard_normal((2, knn.BLOCK, width), dtype=np.float32)
    cosines = tiled_matmul(left, right)
    for count in {1, TILE, knn.BLOCK // 3, knn.BLOCK}:
        columns = draw.integers(0, knn.BLOCK, count)
        some = tiled_matmul(left[:TILE], right[columns])
        if not np.array_equal(some, cosines[:TILE, columns]):
            return False
    return True


@dataclass(frozen=True)
class FilteredSearch:
    """The search in a chunk of rows of the left side."""

    left: Vectors
    right: Vectors
    approximate: ApproximateSides
    product: ApproximateProduct

    def __call__(self, chunk: slice, forward: TopK, backward: TopK) -> None:
        """Add what can be in a top k of the chunk's rows, or of the columns, to them."""
        buffers = knn.cosine_buffer(), np.empty((knn.BLOCK, knn.BLOCK), dtype=np.int16)
        for rows in row_blocks(chunk.stop, chunk.start):
            self._search_rows(chunk.start, rows, (forward, backward), buffers)

    def _search_rows(
        self, first: int, rows: slice, tops: tuple[TopK, TopK], buffers: tuple[Vectors, Bits]
    ) -> None:
        cosines, products = buffers
        waiting: list[CandidatePairs] = []
        for columns in row_blocks(len(self.right)):
            block = Block(first, rows, columns)
            pairs = self._candidates(block, *tops, products)
            if pairs is None:
                knn.add_cosines(self.left, self.right, block, tops, cosines)
                continue
            waiting.append(pairs)
            if sum(len(pairs.row) for pairs in waiting) >= BUFFERED_PER_ROW * len(products):
                self._add_pairs(block, waiting, *tops)
                waiting = []
        if waiting:
            self._add_pairs(block, waiting, *tops)

    def _candidates(
        self, block: Block, forward: TopK, backward: TopK, products: Bits
    ) -> CandidatePairs | None:
        """Pairs of a block whose cosines may exceed a k-th highest; None if they are too many."""
        left, right = self.approximate.left, self.approximate.right
        queries, candidates = left.bits[block.rows], right.bits[block.columns]
        row_floor, column_floor = _floor(forward, block.chunk_rows), _floor(backward, block.columns)
        full = (len(queries), len(candidates)) == products.shape
        if not full or np.isneginf(row_floor).any() or np.isneginf(column_floor).any():
            return None
        self.product(queries, candidates, products)
        lowest = self._lowest_bits(row_floor, left.error[block.rows])
        row, column = at_least(products, lowest, knn.ROW_STRIP)
        lowest = self._lowest_bits(column_floor, right.error[block.columns])
        other_column, other_row = at_least(products.T, lowest, knn.COLUMN_STRIP)
        if len(row) + len(other_row) > PAIRS_PER_ROW * len(products):
            return None
        column = block.columns.start + np.concatenate([column, other_column])
        return CandidatePairs(np.concatenate([row, other_row]), column)

    def _lowest_bits(self, floor: Scores, error: Numbers) -> Bits:
        """[n] the lowest bits of a product whose cosine may exceed the floor.

        No cosine of a vector of zeros exceeds the floor, which is 0 like all of its cosines.
        """
        lowest = lowest_rounded_bits(floor - (self.approximate.constant + error))
        return np.where(error == 0, HIGHEST, lowest).astype(np.int16)

    def _add_pairs(
        self, block: Block, waiting: list[CandidatePairs], forward: TopK, backward: TopK
    ) -> None:
        """Compute the cosines of pairs of a block's rows and add them to both sides' top k.

        A cosine equal to the k-th highest may belong to an earlier column: blocks that were
        computed in fp32 since do not wait.
        """
        row = np.concatenate([pairs.row for pairs in waiting])
        column = np.concatenate([pairs.column for pairs in waiting])
        row, column = np.divmod(np.unique(row * len(self.right) + column), len(self.right))
        cosine = self._cosines(block.rows, row, column)
        near = cosine >= _floor(forward, block.chunk_rows)[row]
        add(forward, block.chunk_rows, Pending(row[near], cosine[near], column[near]))
        near = cosine >= backward.score[column, -1]
        self._add_by_column(block, row[near], column[near], cosine[near], backward)

    def _add_by_column(
        self, block: Block, row: Indices, column: Indices, cosine: Scores, backward: TopK
    ) -> None:
        order = np.argsort(column, kind="stable")
        row, column, cosine = block.rows.start + row[order], column[order], cosine[order]
        blocks = list(row_blocks(len(self.right)))
        bounds = np.searchsorted(column, [columns.start for columns in blocks] + [len(self.right)])
        for number in np.flatnonzero(np.diff(bounds)):
            columns, part = blocks[number], slice(bounds[number], bounds[number + 1])
            add(backward, columns, Pending(column[part] - columns.start, cosine[part], row[part]))

    def _cosines(self, rows: slice, row: Indices, column: Indices) -> Scores:
        """[p] cosines of rows of a block, ascending, with columns: one product per tile of rows."""
        queries, cosines = self.left[rows], np.empty(len(row), dtype=np.float32)
        bounds = np.searchsorted(row, np.arange(0, len(queries) + TILE, TILE))
        for tile, (start, stop) in enumerate(pairwise(bounds)):
            if start == stop:
                continue
            part, first = slice(start, stop), TILE * tile
            columns, position = np.unique(column[part], return_inverse=True)
            columns = np.resize(columns, -(-len(columns) // TILE) * TILE)  # as `pad_to_tile` does
            product = tiled_matmul(queries[first : first + TILE], self.right[columns])
            cosines[part] = product[row[part] - first, position]
        return cosines


def _floor(top: TopK, rows: slice) -> Scores:
    """[rows] the k-th highest score so far."""
    return top.score[rows, -1]
