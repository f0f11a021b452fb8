"""Images inside Parquet files, as data sets on the Hub have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.core.errors import DataError
from xstilts.core.hashing import digest_of, digest_of_unchanged
from xstilts.tasks.image_source import ImageProblem
from xstilts.tasks.io.image_files import MISSING, checked_size
from xstilts.tasks.io.sources import download

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Location = tuple[int, int, int]
"""Number of the file, of its row group, and of the row in it."""


@dataclass(frozen=True)
class ParquetImages:
    """Images in a column of Parquet files: bytes, or a struct with the field `bytes`.

    Args:
        id_column: the column with the ids, as text or numbers; a dot leads to a field of a struct.
        image_column: the column with the images.
    """

    paths: tuple[Path, ...]
    id_column: str = "id"
    image_column: str = "image"
    _last: dict[tuple[int, int], list[Any]] = field(default_factory=dict, repr=False, compare=False)
    """The images of the row group that was read last."""

    def read(self, image_id: str) -> bytes:
        """The bytes of an image file.

        Raises:
            ImageProblem: it is missing, empty or too large.
            DataError: a file cannot be read, or has no such columns.
        """
        location = self._index.get(image_id)
        if location is None:
            raise ImageProblem(MISSING, self.where(image_id))
        number, group, row = location
        cell = self._group(number, group)[row]
        data = cell.get("bytes") if isinstance(cell, Mapping) else cell
        if not isinstance(data, bytes):
            raise ImageProblem(MISSING, f"{self.where(image_id)}: the cell has no bytes")
        return checked_size(data, self.where(image_id))

    def where(self, image_id: str) -> str:
        """The file of an image, for messages."""
        number = self._index.get(image_id, (0, 0, 0))[0]
        return f"{self.paths[number]}: {image_id}"

    def fingerprint(self) -> str:
        """Digest of the files' bytes."""
        digests = [digest_of_unchanged(path) for path in self.paths]
        return digest_of(["parquet", self.id_column, self.image_column, digests])

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids in the order of the files, so that each row group is read once."""
        last = (len(self.paths), 0, 0)
        return sorted(image_ids, key=lambda image_id: self._index.get(image_id, last))

    @cached_property
    def _index(self) -> dict[str, Location]:
        index: dict[str, Location] = {}
        for number in range(len(self.paths)):
            file = self._file(number)
            for group in range(file.num_row_groups):
                for row, name in enumerate(self._cells(number, group, self.id_column)):
                    index.setdefault(str(name), (number, group, row))
        return index

    def _group(self, number: int, group: int) -> list[Any]:
        if (number, group) not in self._last:
            self._last.clear()
            self._last[number, group] = self._cells(number, group, self.image_column)
        return self._last[number, group]

    def _cells(self, number: int, group: int, column: str) -> list[Any]:
        """A column of a row group; of a struct, the field after the dot."""
        name, *path = column.split(".")
        file = self._file(number)
        if name not in file.schema_arrow.names:
            raise DataError(
                f"no column {name}: it has {', '.join(file.schema_arrow.names)}",
                where=str(self.paths[number]),
                todo="get the files again, or name another revision in `revisions`",
            )
        try:
            cells = file.read_row_group(group, [name], use_threads=False).column(0).to_pylist()
        except (OSError, ValueError) as error:
            raise self._unreadable(number, error) from error
        for part in path:
            cells = [cell.get(part) if isinstance(cell, Mapping) else None for cell in cells]
        return list(cells)

    def _file(self, number: int) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.paths[number])
        except (OSError, ValueError) as error:
            raise self._unreadable(number, error) from error

    def _unreadable(self, number: int, error: Exception) -> DataError:
        return DataError(
            f"the Parquet file cannot be read: {error}",
            where=str(self.paths[number]),
            todo="copy or download it again",
        )


@dataclass(frozen=True)
class HubImages:
    """Images in Parquet files of a data set on the Hub, downloaded when the first is read.

    Args:
        files: paths in the data set.
        local: names of local files that can be used instead, for errors.
        id_column, image_column: as in `ParquetImages`.
    """

    dataset: str
    revision: str
    files: tuple[str, ...]
    id_column: str = "id"
    image_column: str = "image"
    local: str = ""

    def read(self, image_id: str) -> bytes:
        """The bytes of an image file.

        Raises:
            ImageProblem, DataError: as `ParquetImages.read`; the Hub cannot be reached.
        """
        return self._downloaded.read(image_id)

    def where(self, image_id: str) -> str:
        """The data set of an image, for messages."""
        return f"{self.dataset}@{self.revision}: {image_id}"

    def fingerprint(self) -> str:
        """Digest of data set, revision and file names; needs no network."""
        columns = [self.id_column, self.image_column]
        return digest_of(["hub", self.dataset, self.revision, list(self.files), columns])

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids in the order of the files."""
        return self._downloaded.reading_order(image_ids)

    @cached_property
    def _downloaded(self) -> ParquetImages:
        paths = [download(self.dataset, self.revision, file, self.local) for file in self.files]
        return ParquetImages(tuple(paths), self.id_column, self.image_column)
