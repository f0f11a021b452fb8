"""bf16 numbers as bits, since numpy has no such type: the upper 16 of the 32 bits of fp32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.int16]
"""bf16 numbers. Positive ones are in the order of their bits, and all negative bits are below."""

LOWEST, HIGHEST = -(2**15), 2**15 - 1


def round_to_bf16(values: NDArray[np.float32]) -> Bits:
    """Round finite numbers to the nearest bf16 number, ties to even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    return (rounded >> np.uint32(16)).astype(np.uint16).view(np.int16)


def widen(bits: Bits) -> NDArray[np.float32]:
    """Return bf16 numbers as fp32."""
    upper = np.ascontiguousarray(bits).view(np.uint16).astype(np.uint32)
    return (upper << np.uint32(16)).view(np.float32)


def lowest_rounded_bits(values: NDArray[np.float64]) -> Bits:
    """Return the lowest bits that a number above each value can have once it is rounded to bf16.

    Any rounding to one of the two bf16 numbers around a number is allowed for, also one of tiny
    numbers to zero. Above a negative value every bit pattern is possible.
    """
    below = np.nextafter(values.astype(np.float32), np.float32(-np.inf), dtype=np.float32)
    bits = (below.view(np.int32) >> 16).astype(np.int16)
    return np.where(below < np.finfo(np.float32).tiny, LOWEST, bits).astype(np.int16)
