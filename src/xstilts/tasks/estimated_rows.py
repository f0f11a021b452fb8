"""An estimate of the rows of a user's file, for the expected time of a plan; nothing is parsed."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from xstilts.formats.io.tables import CSV
from xstilts.formats.tagging import TOKEN_TAG_ENDINGS

READ_BYTES = 1 << 16
"""Bytes at the beginning of a file whose rows are counted."""
BY_LINE = ("", ".tsv", ".tab", ".txt", CSV, ".jsonl")
"""Endings of files with a row in each line."""
BY_BLOCK = (".conllu", *TOKEN_TAG_ENDINGS)
"""Endings of files with a word in each line, and blank lines between sentences."""
BLANK = re.compile(rb"\n[ \t\r]*\n\s*")


def estimated_rows(path: Path) -> int | None:
    """Rows of a file, counted at its beginning and extrapolated by its size.

    None for a file that does not exist, or whose rows cannot be told by its lines.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return _estimated(path, found.st_size, found.st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=4096)
def _estimated(path: Path, size: int, _modified: int) -> int | None:
    ending = path.suffix.lower()
    if ending not in BY_LINE + BY_BLOCK:
        return None
    try:
        with path.open("rb") as file:
            start = file.read(READ_BYTES)
    except OSError:
        return None
    text = start.strip()
    if not text:
        return 0
    rows = 1 + (len(BLANK.findall(text)) if ending in BY_BLOCK else text.count(b"\n"))
    return rows if len(start) == size else round(rows * size / len(start))
