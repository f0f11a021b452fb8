"""Tatoeba: sentence retrieval, 36 languages of XTREME and five more of XTREME-R.

There is no training data of its own.

`read("test", "de")` returns the German sentences and `read("test", "en:de")` the English sentences
that they are searched in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from xstilts.formats.io.lines import lines
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.retrieval import RetrievalExample
from xstilts.languages import language as language_info
from xstilts.tasks.benchmarks import XTREME_R
from xstilts.tasks.builders import names, task
from xstilts.tasks.io.sources import Hub, Local
from xstilts.tasks.xtreme.dataset import CITATION, DATASET, REVISION, SOURCE

PIVOT = "en:"
"""Prefix of the English side of a language."""
LANGUAGES = XTREME_R.languages["tatoeba"]
ADDED = names("az lt pl ro uk")
"""Languages of XTREME-R."""
ADDED_DATASET = "mteb/tatoeba-bitext-mining"
ADDED_REVISION = "69e8f12da6e31d59addadda9a9c8a2e601a0e282"
SIZES = {
    **dict.fromkeys(LANGUAGES, 1_000),
    "kk": 575,
    "ka": 746,
    "ml": 687,
    "jv": 205,
    "ta": 307,
    "te": 234,
    "th": 548,
    "sw": 390,
}
ISO3 = {"fa": "pes", "sw": "swh", "zh": "cmn"}
"""Codes of individual languages where Tatoeba does not use the macrolanguage."""


def _iso3(language: str) -> str:
    return ISO3.get(language, language_info(language).iso3)


def _local(_split: str, side: str) -> Sequence[Local]:
    """LASER's aligned files; else XTREME's, whose English side is sorted: without gold."""
    language = side.removeprefix(PIVOT)
    english = side.startswith(PIVOT)
    iso3 = _iso3(language)
    name = f"tatoeba.{iso3}-eng.{'eng' if english else iso3}"
    xtreme = f"tatoeba/{language}-en.{'en' if english else language}"
    return (
        *(Local((f"{folder}/{name}",), _aligned) for folder in ("tatoeba-v1", "tatoeba")),
        Local((xtreme,), _unaligned),
    )


def _aligned(path: Path, _start: str) -> Iterator[RetrievalExample]:
    """Lines of aligned files: lines with the same number are translations."""
    for number, (where, line) in enumerate(_all_lines(path)):
        yield RetrievalExample(str(number), line, str(number), where)


def _unaligned(path: Path, _start: str) -> Iterator[RetrievalExample]:
    """Lines of files without alignment."""
    for number, (where, line) in enumerate(_all_lines(path)):
        yield RetrievalExample(str(number), line, "", where)


def _all_lines(path: Path) -> list[tuple[str, str]]:
    """All lines, including blank ones, because alignment is by line number."""
    numbered = list(lines(path, blank=True))
    return numbered[:-1] if numbered and not numbered[-1][1].strip() else numbered


def _hub(_split: str, side: str) -> Hub:
    """google/xtreme, which has XTREME's languages only, or mteb's copy of LASER's pairs."""
    language, english = side.removeprefix(PIVOT), side.startswith(PIVOT)
    iso3 = _iso3(language)
    if language in ADDED:
        files = (f"{iso3}-eng/test-00000-of-00001.parquet",)
        parse = parse_rows(parquet_rows(), partial(_aligned_pair, english))
        return Hub(ADDED_DATASET, ADDED_REVISION, files, parse)
    parse = parse_rows(parquet_rows(), partial(_hub_example, english))
    files = (f"tatoeba.{iso3}/validation-00000-of-00001.parquet",)
    return Hub(DATASET, REVISION, files, parse)


def _hub_example(english: bool, row: FileRow) -> RetrievalExample:
    side = "source" if (row.text("source_lang") == "eng") == english else "target"
    number = row.id.rpartition("-")[2]
    return RetrievalExample(number, row.text(f"{side}_sentence"), number, row.where)


def _aligned_pair(english: bool, row: FileRow) -> RetrievalExample:
    number = row.id.rpartition("-")[2]
    return RetrievalExample(number, row.text(f"sentence{2 if english else 1}"), number, row.where)


TATOEBA = task(
    name="tatoeba",
    format="retrieval",
    sizes={"test": SIZES},
    pool_sizes={("test", f"{PIVOT}{code}"): size for code, size in SIZES.items()},
    local=_local,
    hub=_hub,
    dataset=DATASET,
    source=SOURCE,
    metrics=(
        "tatoeba_accuracy",
        "accuracy_at_1_from_en",
        "accuracy_at_1_to_en",
        "accuracy_at_1",
        "mrr",
    ),
    subwords=12,
    pool_split=PIVOT + "{language}",
    summary="find an English sentence's translation among up to 1,000",
    licence="CC-BY-2.0-FR",
    citation=CITATION,
)
