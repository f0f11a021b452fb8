"""The table of languages in `languages.tsv`.

Suite membership: XTREME (Hu et al. 2020, arXiv 2003.11080), XTREME-R (Ruder et al. 2021,
arXiv 2104.07412) and this package's `home`. Families and genera are those of WALS, with two
exceptions: creoles are named by the language of their words, and `Bantoid` includes Bantu.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

TABLE = "languages.tsv"


@dataclass(frozen=True)
class Language:
    """One language.

    Args:
        code: ISO 639-1, as in XTREME, else ISO 639-3; with the script (`hi-Latn`) for a second one.
        iso3: ISO 639-3 (the macrolanguage where data sets use its code).
        name: English name.
        script: the script of the suites' data.
        family, genus: as in WALS.
        suites: names of the suites that contain the language.
    """

    code: str
    iso3: str
    name: str
    script: str
    family: str
    genus: str
    suites: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _table() -> dict[str, Language]:
    text = (resources.files("xstilts.languages") / TABLE).read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    return {
        row[0]: Language(row[0], row[1], row[2], row[3], row[4], row[5], _suites(row[6]))
        for row in rows[1:]
    }


def _suites(names: str) -> tuple[str, ...]:
    return tuple(filter(None, names.split(",")))


def language(code: str) -> Language:
    """Look up a language by its ISO 639-1 or 639-3 code; the latter means its main script.

    For a code that is not in the table, return a language named by the code, of unknown family.
    """
    table = _table()
    by_iso3 = {entry.iso3: entry for entry in reversed(table.values())}
    unknown = Language(code, code, code, "unknown", "unknown", "unknown")
    return table.get(code) or by_iso3.get(code) or unknown


def suite(name: str) -> tuple[Language, ...]:
    """Return the languages of a suite, in order of their codes; empty for an unknown suite."""
    return tuple(entry for entry in _table().values() if name in entry.suites)


def language_named(text: str) -> Language | None:
    """The language with this English name, or with this code in other case; none if unknown."""
    folded = text.strip().lower()
    matches = (
        entry for entry in _table().values() if folded in (entry.code.lower(), entry.name.lower())
    )
    return next(matches, None)
