"""The languages that a column of a file names, and the one that the file is declared for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, FileNote
from xstilts.formats.io.readers import FileRow
from xstilts.languages.metadata import Language
from xstilts.languages.spellings import spelled_language

LANGUAGE_COLUMNS = ("language", "lang", "locale", "language_code", "lang_code", "lang_id")
OTHER_LANGUAGES = "a file with rows of other languages, kept"
SHOWN = 8
"""Languages in a message, at most."""


def with_other_languages(
    rows: Iterator[FileRow | BadRow], declared: str, read: Sequence[str]
) -> Iterator[FileRow | BadRow]:
    """The rows of a file, and at the end a note if its column of languages names others.

    Values that are no language, such as `python`, are not judged.

    Args:
        declared: the language that all rows count for.
        read: columns of the format, which say something else.

    Raises:
        DataError: every row is of another known language.
    """
    column, counts, first = "", Counter[str](), dict[str, FileRow]()
    for row in rows:
        yield row
        if not isinstance(row, FileRow):
            continue
        column = column or language_column(row.cells, read)
        value = row.cells.get(column)
        if isinstance(value, str) and value.strip():
            counts[value] += 1
            first.setdefault(value, row)
    own = spelled_language(declared)
    spelled = {value: spelled_language(value) for value in counts}
    others = [value for value, one in spelled.items() if one and not _is_variety(one, own)]
    if not others:
        return
    place = first[others[0]]
    shown = ", ".join(f"{value} {count:,}" for value, count in counts.most_common(SHOWN))
    detail = f"column {column}: {shown}{', …' if len(counts) > SHOWN else ''}"
    if own and len(others) == len(counts):
        raise DataError(
            f"a file of {declared} without rows of {declared}; {detail}",
            where=place.where,
            todo="correct the file or the language; if the column means something else, rename it: "
            f"`rename: {{{column}: other}}`",
        )
    yield FileNote(place.id, OTHER_LANGUAGES, f"{detail}; all count as {declared}", place.where)


def language_column(columns: Mapping[str, Any], read: Sequence[str]) -> str:
    """The column with one of the usual names; blank if there is none, or it is read."""
    lowered = {name.lower(): name for name in reversed(list(columns)) if name not in read}
    return next((lowered[name] for name in LANGUAGE_COLUMNS if name in lowered), "")


def _is_variety(one: Language, of: Language | None) -> bool:
    """Whether languages are equal, or one is of the other: Egyptian Arabic and Arabic."""
    if of is None:
        return False
    names, others = set(one.name.split()), set(of.name.split())
    return names <= others or others <= names
