"""The states of images as one array, from memory or from several memory-mapped files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

States = NDArray[np.float32]


class ImageArray(Protocol):
    """The states of n images, each [p, width] float32; a numpy array [n, p, width] is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, p, width)."""

    def __getitem__(self, index: int, /) -> States:
        """[p, width] the states of one image."""


class JoinedArrays:
    """Arrays [m, p, width] of one p and width, joined along the images without a copy.

    Raises:
        ValueError: there is none, or their shapes differ.
    """

    def __init__(self, arrays: Sequence[States]) -> None:
        if len({array.shape[1:] for array in arrays}) != 1:
            raise ValueError("joined arrays need one number of states and one width")
        self._arrays = arrays
        self._ends = np.cumsum([len(array) for array in arrays])

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, p, width)."""
        return (int(self._ends[-1]), *self._arrays[0].shape[1:])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int, /) -> States:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        number = int(np.searchsorted(self._ends, index, side="right"))
        start = int(self._ends[number]) - len(self._arrays[number])
        states: States = self._arrays[number][index - start]
        return states
