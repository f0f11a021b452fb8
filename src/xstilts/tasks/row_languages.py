"""The languages that a column of a file names, and the one that the file is declared for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.formats.base import BadRow, FileNote
from xstilts.formats.io.readers import FileRow
from xstilts.languages.metadata import Language
from xstilts.languages.spellings import spelled_language

LANGUAGE_COLUMNS = ("language", "lang", "locale", "language_code", "lang_code", "lang_id")
OTHER_LANGUAGES = "a file with rows of other languages, kept"
NO_OWN_LANGUAGE = "a file whose rows all name other languages, kept"
SHOWN = 8
"""Languages in a message, at most."""


def with_other_languages(
    rows: Iterator[FileRow | BadRow], declared: str, read: Sequence[str]
) -> Iterator[FileRow | BadRow]:
    """The rows of a file, and at the end a note if its column of languages names others.

    It is no error: such a column may also be the label, the language of the second text, or
    programming languages (`ts` is a code of Tsonga). Values that are no language are not judged.

    Args:
        declared: the language that all rows count for.
        read: columns of the format, which say something else.
    """
    column, number, counts, first = "", 0, Counter[str](), dict[str, FileRow]()
    for row in rows:
        yield row
        if not isinstance(row, FileRow):
            continue
        number += 1
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
    is_wholly = own is not None and sum(counts[value] for value in others) == number
    problem = NO_OWN_LANGUAGE if is_wholly else OTHER_LANGUAGES
    yield FileNote(place.id, problem, f"{detail}; all count as {declared}", place.where)


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
