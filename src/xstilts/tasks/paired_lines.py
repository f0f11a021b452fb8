"""Lines by which rows without an id are paired with their translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.config.file_task import FileTask
from xstilts.core.errors import DataError
from xstilts.formats.base import Example
from xstilts.tasks.user_rows import TableHeader, own_name, table_header


@dataclass(frozen=True)
class PairedLines:
    """What the examples of a task have in common with their translations.

    The lines of a file count as in that of the split's first language: a header line that only
    some of the files have would otherwise pair each row with the translation of its neighbour.

    Args:
        tables: split → the local tables of its languages, in their order.
    """

    task: FileTask
    tables: Mapping[str, Sequence[Path]]
    _shifts: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def alignment_key(self, example: Example) -> str:
        """The id of an example, else its line.

        A row without an id gets its file and line as id.
        """
        path, _, line = (example.where or "").rpartition(":")
        if example.id != f"{path.rpartition('/')[2]}:{line}":
            return example.id
        if path not in self._shifts:
            self._shifts[path] = self.shift(Path(path))
        shift = self._shifts[path]
        return str(int(line) + shift) if shift else line

    def shift(self, path: Path) -> int:
        """What is added to the lines of a file: those of the first's header less those of its own.

        It is 0 if a header names the id, by which the rows are paired then.
        """
        if self.task.header is not None or own_name(self.task, "id") in self.task.columns:
            return 0
        several = (paths for paths in self.tables.values() if len(paths) > 1 and path in paths)
        existing = (other for other in next(several, ()) if other.is_file())
        headers = {other: header for other in existing if (header := self._header(other))}
        if path not in headers:
            return 0
        first, own = next(iter(headers.values())), headers[path]
        if "id" in (*first.names, *own.names):
            return 0
        return len(first.lines) - len(own.lines)

    def _header(self, path: Path) -> TableHeader | None:
        """The header of a file; none if it is empty: it has no row to pair others with."""
        try:
            return table_header(self.task, path)
        except DataError:  # is reported when the rows are read
            return TableHeader()
