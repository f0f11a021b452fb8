"""The gold label of a row, which a test set may lack."""

from __future__ import annotations

from xstilts.formats.io.readers import FileRow

REMOVED = ("-1", "")


def gold(row: FileRow, column: str, split: str) -> str:
    """The label as text; blank where a test set has none (no column, nothing, or -1)."""
    if split == "test" and column not in row.cells:
        return ""
    label = row.text(column).strip()
    return "" if split == "test" and label in REMOVED else label
