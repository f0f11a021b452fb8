"""The table of languages in `languages.tsv`, and how to look one up.

Suite membership: XTREME (Hu et al. 2020, arXiv 2003.11080), XTREME-R (Ruder et al. 2021,
arXiv 2104.07412) and this package's `home`. Families and genera are those of WALS.
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
        code: ISO 639-1, as in XTREME.
        iso3: ISO 639-3 (the macrolanguage where data sets name that).
        script: the one that the suites' data is written in.
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
    return tuple(names.split(","))


def language(code: str) -> Language:
    """The language of an ISO 639-1 or 639-3 code; an unknown code stands for itself."""
    table = _table()
    by_iso3 = {one.iso3: one for one in table.values()}
    unknown = Language(code, code, code, "unknown", "unknown", "unknown")
    return table.get(code) or by_iso3.get(code) or unknown


def suite(name: str) -> tuple[Language, ...]:
    """The languages of a suite, by code; none for a suite that is not in the table."""
    return tuple(one for one in _table().values() if name in one.suites)
