"""A column of a parquet file as Python objects, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

BLOCK = 2000
"""Values that are Python objects at the same time."""


@dataclass(frozen=True)
class ColumnValues(Sequence[Any]):
    """The values of a column, for code that reads them in order, several times if need be.

    The tags of 200,000 sentences of 15 words take 200 MB as Python lists, and 30 MB in Arrow.

    Args:
        column: its name.
        chosen: [rows of the file] whether a row is read; None: all are.
    """

    path: Path
    column: str
    chosen: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        if self.chosen is not None:
            return int(self.chosen.sum())
        return int(pq.read_metadata(self.path).num_rows)

    def __iter__(self) -> Iterator[Any]:
        values = self._all()
        return values if self.chosen is None else compress(values, self.chosen)

    def _all(self) -> Iterator[Any]:
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BLOCK, columns=[self.column], use_threads=False):
                yield from batch.column(0).to_pylist()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return list(self)[index]  # the column is read: iterate instead

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The values as an array; numpy would get them one by one."""
        return np.array(list(self), dtype=dtype)
