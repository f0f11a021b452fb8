"""Dot products of vectors rounded to bf16, and a bound of their error.

Let x, y be fp32 vectors of d numbers, x', y' their roundings, and p the product of x' and y' that
is accumulated in fp32, before p is rounded itself. Then

    x'·y' - x·y = (x' - x)·y' + x·(y' - y), so |x'·y' - x·y| <= |x' - x| |y'| + |x| |y' - y|

by Cauchy and Schwarz, with norms and distances that are computed here in fp64. Products of two
bf16 numbers are exact in fp32, and a sum of d terms in any order is off by at most g |x'| |y'| with
g = d u / (1 - d u), where u bounds the relative error of one addition (Higham 2002, section 3.1).
The fp32 product c of x and y, again in any order, is off by at most g |x| |y|. Together

    |p - c| <= |x' - x| |y'| + |x| |y' - y| + g (|x'| |y'| + |x| |y|).

u = 2^-23 is allowed for: twice that of rounding to nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.bfloat16 import Bits, round_to_bf16, widen

ROWS = 1024
"""Rows that are rounded at once."""
ADDITION = 2.0**-23
"""Bound of the relative error of one addition in fp32, by whatever rounding."""
TINY = 1e-30
"""More than what numbers too small for fp32's normal range can add to an error."""
INFLATION = 1 + 1e-9
"""Covers the rounding of norms computed in fp64."""


class ApproximateProduct(Protocol):
    """A fast product of bf16 vectors that is accumulated in fp32, in any order."""

    def __call__(self, left: Bits, right: Bits, out: Bits) -> None:
        """[n, d], [m, d] → `out`, [n, m]: dot products, rounded to bf16."""


@dataclass(frozen=True)
class RoundedVectors:
    """Vectors rounded to bf16.

    Args:
        bits: [n, d].
        norm: [n] upper bounds of the norms of the vectors.
        distance: [n] upper bounds of the distances of the rounded vectors from the vectors.
    """

    bits: Bits
    norm: NDArray[np.float64]
    distance: NDArray[np.float64]


def rounded(vectors: NDArray[np.float32]) -> RoundedVectors:
    """Round vectors, [n, d], to bf16."""
    bits = np.empty(vectors.shape, dtype=np.int16)
    norm, distance = np.empty((2, len(vectors)), dtype=np.float64)
    for start in range(0, len(vectors), ROWS):
        rows = slice(start, start + ROWS)
        bits[rows] = round_to_bf16(vectors[rows])
        exact = vectors[rows].astype(np.float64)
        norm[rows] = np.linalg.norm(exact, axis=1) * INFLATION
        distance[rows] = np.linalg.norm(widen(bits[rows]) - exact, axis=1) * INFLATION
    return RoundedVectors(bits, norm, distance)


def error_bounds(vectors: RoundedVectors, others: RoundedVectors) -> NDArray[np.float64]:
    """[n] bound of |p - c| for each vector and all others, as the module defines them.

    It is 0 only if all products are exactly 0.
    """
    terms = vectors.bits.shape[1] * ADDITION
    sums = terms / (1 - terms)
    most, farthest = others.norm.max(initial=0), others.distance.max(initial=0)
    longest = (others.norm + others.distance).max(initial=0)
    length = vectors.norm + vectors.distance
    bound = vectors.distance * longest + vectors.norm * farthest
    bound += sums * (length * longest + vectors.norm * most)
    return np.where(bound > 0, bound * INFLATION + TINY, 0.0)
