"""Lines by which rows without an id are paired with their translations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        tables: split → the tables of its languages, in their order; in a dataset on the Hub their
            paths in it.
        local: path in `tables` → its file on this machine, which may not exist; it may download.
    """

    task: FileTask
    tables: Mapping[str, Sequence[Path]]
    local: Callable[[Path], Path]
    _shifts: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def alignment_key(self, example: Example) -> str:
        """The id of an example, else its line.

        A row without an id gets its file and line as id.

        Raises:
            DataError: the first language's file on the Hub cannot be downloaded.
        """
        path, _, line = (example.where or "").rpartition(":")
        if example.id != f"{path.rpartition('/')[2]}:{line}":
            return example.id
        if path not in self._shifts:
            self._shifts[path] = self._shift(self._listed(Path(path)))
        shift = self._shifts[path]
        return str(int(line) + shift) if shift else line

    def fingerprint(self, path: Path) -> list[Any]:
        """What the keys of a file's rows depend on besides the file; downloads nothing.

        Args:
            path: as in `tables`.
        """
        if not self.task.hub:
            shift = self._shift(path)
            return [{"line_shift": shift}] if shift else []
        others = self._files_of_split(path)[:1]
        return [{"lines_of": str(other)} for other in others if other != path]

    def _listed(self, local: Path) -> Path:
        """The path in `tables` of a file on this machine; of several, the one that says most."""
        if not self.task.hub:
            return local
        every = {path for paths in self.tables.values() for path in paths}
        own = (path for path in every if local.parts[-len(path.parts) :] == path.parts)
        return max(own, key=lambda path: len(path.parts), default=local)

    def _files_of_split(self, path: Path) -> Sequence[Path]:
        """The files whose lines are compared with a file's; none if ids or `header` decide."""
        if self.task.header is not None or own_name(self.task, "id") in self.task.columns:
            return ()
        several = (paths for paths in self.tables.values() if len(paths) > 1 and path in paths)
        return next(several, ())

    def _shift(self, path: Path) -> int:
        """What is added to the lines of a file: those of the first's header less those of its own.

        It is 0 if a header names the id, by which the rows are paired then.
        """
        headers = (
            header for other in self._files_of_split(path) if (header := self._header(other))
        )
        if not (first := next(headers, None)) or not (own := self._header(path)):
            return 0
        if "id" in (*first.names, *own.names):
            return 0
        return len(first.lines) - len(own.lines)

    def _header(self, path: Path) -> TableHeader | None:
        """The header of a file; none if it is missing or empty: no row to pair others with."""
        local = self.local(path)
        if not local.is_file():
            return None
        try:
            return table_header(self.task, local)
        except DataError:  # is reported when the rows are read
            return TableHeader()
