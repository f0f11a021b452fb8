"""XTREME's retrieval targets: Tatoeba and BUCC 2018. Nothing is trained for them.

`read(split, "de")` gives the German sentences and `read(split, "en:de")` the English ones that
they are searched in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.formats.base import BadRow
from xstilts.formats.io.lines import lines
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.retrieval import RetrievalExample
from xstilts.languages import language as info
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import Hub, Local, Sources, placeholder, with_sources
from xstilts.tasks.xtreme.targets import CITATION, SOURCE, XTREME_HUB, XTREME_REVISION, _codes

TATOEBA_LANGUAGES = _codes(
    "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te th "
    "tl tr ur vi zh"
)
TATOEBA_ROWS = {
    "kk": 575,
    "ka": 746,
    "ml": 687,
    "jv": 205,
    "ta": 307,
    "te": 234,
    "th": 548,
    "sw": 390,
}
"""Fewer than the 1,000 of all others."""
TATOEBA_CODES = {"fa": "pes", "sw": "swh", "zh": "cmn"}
"""Where Tatoeba names a language and not its macrolanguage."""
BUCC_LANGUAGES = _codes("de fr ru zh")
PIVOT = "en:"
BUCC_ROWS = {("dev", "zh"): 8_624, ("dev", f"{PIVOT}zh"): 13_589}
"""Counted in the files; we know of no published sizes of the other collections."""


def _iso3(language: str) -> str:
    return TATOEBA_CODES.get(language, info(language).iso3)


def _tatoeba_local(_split: str, side: str) -> Sequence[Local]:
    """LASER's aligned files; else XTREME's, whose English side is sorted: no gold."""
    language = side.removeprefix(PIVOT)
    english = side.startswith(PIVOT)
    iso3 = _iso3(language)
    name = f"tatoeba.{iso3}-eng.{'eng' if english else iso3}"
    xtreme = f"tatoeba/{language}-en.{'en' if english else language}"
    return (
        *(Local((f"{folder}/{name}",), _aligned) for folder in ("tatoeba-v1", "tatoeba")),
        Local((xtreme,), _shuffled),
    )


def _aligned(path: Path, _start: str) -> Iterator[RetrievalExample]:
    """Lines of aligned files: those with one number mean the same."""
    for number, (where, line) in enumerate(_every(path)):
        yield RetrievalExample(str(number), line, str(number), where)


def _shuffled(path: Path, _start: str) -> Iterator[RetrievalExample]:
    """Lines of files that say nothing of what means what."""
    for number, (where, line) in enumerate(_every(path)):
        yield RetrievalExample(str(number), line, "", where)


def _every(path: Path) -> list[tuple[str, str]]:
    """All lines, blank ones too: their numbers say what means what."""
    found = list(lines(path, blank=True))
    return found[:-1] if found and not found[-1][1].strip() else found


def _tatoeba_hub(_split: str, side: str) -> Hub:
    iso3 = _iso3(side.removeprefix(PIVOT))
    parse = parse_rows(parquet_rows(), partial(_hub_line, side.startswith(PIVOT)))
    files = (f"tatoeba.{iso3}/validation-00000-of-00001.parquet",)
    return Hub(XTREME_HUB, XTREME_REVISION, files, parse)


def _hub_line(english: bool, row: FileRow) -> RetrievalExample:
    side = "source" if (row.text("source_lang") == "eng") == english else "target"
    number = row.id.rpartition("-")[2]
    return RetrievalExample(number, row.text(f"{side}_sentence"), number, row.where)


def _bucc_local(split: str, side: str) -> Sequence[Local]:
    language = side.removeprefix(PIVOT)
    stem = f"bucc2018/{language}-en.{split}"
    name = f"{stem}.{'en' if side.startswith(PIVOT) else language}"
    return (
        Local((name,), _sentences, beside=(f"{stem}.gold",)),
        Local((name,), _sentences),
    )


def _sentences(path: Path, start: str) -> Iterator[RetrievalExample | BadRow]:
    """`id<TAB>sentence`; a sentence means the ids of its translations, most have none."""
    gold = path.with_name(f"{path.name.rpartition('.')[0]}.gold")
    partners: dict[str, list[str]] = {}
    bad = []
    for where, cells in _cells(gold) if gold.is_file() else ():
        if len(cells) != 2:
            bad.append(BadRow(where, "wrong number of columns", f"{len(cells)}, not 2", where))
            continue
        for one, other in (cells, cells[::-1]):
            partners.setdefault(one, []).append(other)
    yield from bad
    for number, (where, cells) in enumerate(_cells(path)):
        if len(cells) == 2:
            name, text = cells
            yield RetrievalExample(name, text, " ".join(partners.get(name, [])), where)
        else:
            detail = f"{len(cells)}, not 2"
            yield BadRow(f"{start}-{number}", "wrong number of columns", detail, where)


def _cells(path: Path) -> Iterator[tuple[str, list[str]]]:
    return ((where, [cell.strip() for cell in line.split("\t")]) for where, line in lines(path))


def _pair(example: RetrievalExample) -> str:
    """What both sides of a pair have in common, so that the first n and shares of both hold it."""
    return min([example.id, *example.meaning.split()])


def _task(
    name: str,
    kind: str,
    *,
    splits: dict[str, tuple[str, ...]],
    metrics: tuple[str, ...],
    summary: str,
    licence: str,
    subwords: int,
    **rest: Any,
) -> TaskSpec:
    return TaskSpec(
        name=name,
        version=1,
        format=kind,
        splits=splits,
        labels=(),
        metrics=metrics,
        read=placeholder,
        fingerprint=placeholder,
        summary=summary,
        source=SOURCE,
        licence=licence,
        citation=CITATION,
        subwords=subwords,
        pool_split=PIVOT + "{language}",
        **rest,
    )


TATOEBA = with_sources(
    _task(
        "tatoeba",
        "retrieval",
        splits={"test": tuple(TATOEBA_LANGUAGES)},
        metrics=(
            *("tatoeba_accuracy", "accuracy_at_1_from_en", "accuracy_at_1_to_en"),
            *("accuracy_at_1", "mrr"),
        ),
        summary="find an English sentence's translation among up to 1,000",
        licence="CC-BY-2.0-FR",
        subwords=12,
        sizes={
            ("test", f"{pivot}{code}"): TATOEBA_ROWS.get(code, 1000)
            for code in TATOEBA_LANGUAGES
            for pivot in ("", PIVOT)
        },
        hub=XTREME_HUB,
    ),
    Sources(_tatoeba_local, _tatoeba_hub),
)
BUCC = with_sources(
    _task(
        "bucc",
        "mining",
        splits={"dev": tuple(BUCC_LANGUAGES), "test": tuple(BUCC_LANGUAGES)},
        metrics=("mining_f1", "mining_f1_best", "mining_f1_best_all"),
        summary="find the few translations in two collections of sentences",
        licence="for research",
        subwords=40,
        sizes=BUCC_ROWS,
        alignment_key=_pair,
    ),
    Sources(_bucc_local),
)
