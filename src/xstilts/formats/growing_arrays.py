"""One-dimensional .npy files that are written part by part, so that no array is held in memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


class GrowingArray:
    """An array on disk to which values are appended; `numpy.load` reads it after `close`.

    Args:
        path: of the .npy file.
        dtype: of the values; values of a wider type widen those already written.
    """

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self.path = path
        self._start(np.dtype(dtype))

    def append(self, values: Array) -> None:
        """Append values at the end."""
        if (wider := np.result_type(self.dtype, values.dtype)) != self.dtype:
            self._widen(wider)
        self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
        self.count += len(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the final length and close the file."""
        self._file.seek(0)
        self._file.write(_header(self.dtype, self.count))
        self._file.close()

    def _start(self, dtype: np.dtype[Any]) -> None:
        self.dtype, self.count = dtype, 0
        self._file = self.path.open("wb")
        self._file.write(_header(dtype, 0))

    def _widen(self, dtype: np.dtype[Any]) -> None:
        self.close()
        written = np.load(self.path, allow_pickle=False)
        self._start(dtype)
        self.append(written)


class GrowingOffsets(GrowingArray):
    """Where each item of a ragged array ends, preceded by 0; sizes are appended."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, np.int64)
        self.total = 0
        super().append(np.zeros(1, np.int64))

    def append(self, values: Array) -> None:
        """Append the sizes of the next items."""
        ends = self.total + np.cumsum(values, dtype=np.int64)
        self.total += int(values.sum())
        super().append(ends)


def _header(dtype: np.dtype[Any], count: int) -> bytes:
    """The header of an .npy file, whose size does not depend on the number of values.

    NumPy pads a header for a first dimension of up to 21 digits (`numpy.lib.format`).
    """
    header = io.BytesIO()
    description = np.lib.format.dtype_to_descr(dtype)
    fields = {"descr": description, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()
