"""How a column of a format is read from the columns of a data set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from xstilts.formats.io.cells import as_text, is_missing


class SourceColumn(BaseModel):
    """One or several columns of a data set, or one value for all rows.

    Args:
        paths: names of columns; `choices.text` is a member of a structure. Several are joined.
        separator: between the texts of several columns.
        constant: the value, where `paths` is empty.
        if_present: whether a data set without the column is read without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[str, ...] = ()
    separator: str = " "
    constant: str = ""
    if_present: bool = False

    def value(self, cells: Mapping[str, Any]) -> Any:
        """The value in a row; several texts are joined, without those that are missing.

        Raises:
            DataError: no text or number among columns that are joined, such as a list.
        """
        if not self.paths:
            return self.constant
        found = [_at(cells, path) for path in self.paths]
        if len(found) == 1:
            return found[0]
        named = zip(found, self.paths, strict=True)
        texts = [as_text(one, path) for one, path in named if not is_missing(one)]
        return self.separator.join(texts).strip()

    def tops(self, known: Collection[str]) -> set[str]:
        """The columns of a data set that it reads, of those that there are."""
        return {path if path in known else path.partition(".")[0] for path in self.paths}


def _at(cells: Mapping[str, Any], path: str) -> Any:
    """The cell with that name, else the member of a structure; none if there is neither."""
    if path in cells:
        return cells[path]
    value: Any = cells
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
