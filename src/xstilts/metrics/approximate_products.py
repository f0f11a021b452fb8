"""Dot products of vectors rounded to bf16, and a bound of their error.

Vectors of one encoder have much in common, which costs precision and tells no pairs apart. So for
the means m and n of the two sides, and x' = x - m, y' = y - n,

    x·y = x'·y' + a + b + m·n with a = x'·n, b = m·y'.

x' and y' are rounded to bf16, r and s; a and b to sums of two bf16 numbers, a1 + a2 and b1 + b2.
One product of (r, a1, a2, 1, 1) and (s, 1, 1, b1, b2), accumulated in fp32, is p before it is
rounded itself. For the fp32 product c of x and y,

    |p - (c - m·n)| <= |r - x'| |s| + |x'| |s - y'| + |a1 + a2 - a| + |b1 + b2 - b|
                       + g (|r| |s| + |a1| + |a2| + |b1| + |b2|) + g |x| |y|.

The first line is r·s - x'·y' = (r - x')·s + x'·(s - y') by Cauchy and Schwarz, and what rounding
changed in a and b. The second bounds the two sums: products of bf16 numbers are exact in fp32, and
a sum of t terms, in any order, is off by at most g = t u / (1 - t u) of the sum of their sizes,
where u bounds the relative error of one addition (Higham 2002, section 3.1). u = 2^-23 is allowed
for, twice that of rounding to nearest. All norms and distances are computed here, in fp64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.bfloat16 import Bits, round_to_bf16, widen

ROWS = 1024
"""Rows that are rounded at once."""
ADDED = 4
"""Numbers that follow each vector."""
ADDITION = 2.0**-23
"""Bound of the relative error of one addition in fp32, by whatever rounding."""
FP64_ADDITION = 2.0**-50
"""More than that of one addition in fp64 in all of the sums here together."""
INFLATION = 1 + 1e-9
"""Covers the rounding of norms computed in fp64."""
TINY = 1e-30
"""More than what numbers below fp32's normal range can add to an error."""

Vectors = NDArray[np.float32]
Numbers = NDArray[np.float64]


class ApproximateProduct(Protocol):
    """A fast product of bf16 vectors that is accumulated in fp32, in any order."""

    def __call__(self, left: Bits, right: Bits, out: Bits) -> None:
        """[n, d], [m, d] → `out`, [n, m]: dot products, rounded to bf16."""


@dataclass(frozen=True)
class ApproximateSide:
    """The vectors of one side of approximate products.

    Args:
        bits: [n, d + 4] rounded vectors, as multiplied.
        error: [n] bound of the error of a vector's products with all of the other side; 0 for
            vectors of zeros, whose exact products are all 0.
    """

    bits: Bits
    error: Numbers


@dataclass(frozen=True)
class ApproximateSides:
    """Both sides of approximate products.

    Args:
        constant: what the products leave out: a cosine is about product + constant.
    """

    left: ApproximateSide
    right: ApproximateSide
    constant: float


@dataclass(frozen=True)
class _Rounded:
    """A side's rounded vectors, and the norms in the bound: [n] each, in the module's notation.

    Args:
        norm: |x|, centered: |x'|, distance: |r - x'|.
        offset: |a1| + |a2|, offset_error: |a1 + a2 - a|.
    """

    bits: Bits
    norm: Numbers
    centered: Numbers
    distance: Numbers
    offset: Numbers
    offset_error: Numbers

    @property
    def rounded(self) -> Numbers:
        """Upper bound of |r|."""
        return self.centered + self.distance


def approximate_sides(left: Vectors, right: Vectors) -> ApproximateSides:
    """Round the unit vectors of both sides, [n, d] and [m, d], and bound their products' error."""
    means = left.mean(axis=0, dtype=np.float64), right.mean(axis=0, dtype=np.float64)
    first = _rounded(left, means[0], means[1], ones_first=False)
    second = _rounded(right, means[1], means[0], ones_first=True)
    return ApproximateSides(
        ApproximateSide(first.bits, _error(first, second)),
        ApproximateSide(second.bits, _error(second, first)),
        float(means[0] @ means[1]),
    )


def _rounded(vectors: Vectors, mean: Numbers, other_mean: Numbers, ones_first: bool) -> _Rounded:
    """Round the vectors of a side in blocks of rows."""
    width = vectors.shape[1]
    bits = np.empty((len(vectors), width + ADDED), dtype=np.int16)
    norm, centered, distance, offset, offset_error = np.empty((5, len(vectors)), dtype=np.float64)
    ones, offsets = slice(width, width + 2), slice(width + 2, width + ADDED)
    if not ones_first:
        ones, offsets = offsets, ones
    bits[:, ones] = round_to_bf16(np.ones(1, dtype=np.float32))
    for start in range(0, len(vectors), ROWS):
        rows = slice(start, start + ROWS)
        exact = vectors[rows].astype(np.float64)
        norm[rows] = np.linalg.norm(exact, axis=1)
        exact -= mean
        centered[rows] = np.linalg.norm(exact, axis=1)
        bits[rows, :width] = round_to_bf16(exact.astype(np.float32))
        distance[rows] = np.linalg.norm(widen(bits[rows, :width]) - exact, axis=1)
        product = exact @ other_mean
        high = round_to_bf16(product.astype(np.float32))
        low = round_to_bf16((product - widen(high)).astype(np.float32))
        bits[rows, offsets] = np.stack([high, low], axis=1)
        parts = widen(high).astype(np.float64), widen(low).astype(np.float64)
        offset[rows] = np.abs(parts[0]) + np.abs(parts[1])
        offset_error[rows] = np.abs(parts[0] + parts[1] - product)
        offset_error[rows] += (
            (width * FP64_ADDITION)
            * (norm[rows] + np.linalg.norm(mean))
            * (1 + np.linalg.norm(other_mean))
        )
    return _Rounded(bits, norm, centered, distance, offset, offset_error)


def _error(side: _Rounded, other: _Rounded) -> Numbers:
    """[n] the bound for each vector of a side and all of the other."""
    terms = side.bits.shape[1] * ADDITION
    bound = side.distance * _highest(other.rounded) + side.centered * _highest(other.distance)
    bound += side.offset_error + _highest(other.offset_error)
    sums = side.rounded * _highest(other.rounded) + side.offset + _highest(other.offset)
    sums += side.norm * _highest(other.norm)
    bound += terms / (1 - terms) * sums
    return np.where(side.norm > 0, bound * INFLATION + TINY, 0.0)


def _highest(values: Numbers) -> float:
    return float(values.max(initial=0))
