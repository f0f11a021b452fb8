"""SIB-200: what is the sentence about? Seven topics; trained on its own English part.

The sentences are FLORES-200's, so text from there has its test sets in it, without the topics.
"""

from __future__ import annotations

from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import quoted_tsv_rows
from xstilts.tasks.builders import task
from xstilts.tasks.io.sources import Local

_CODES = (
    "en:eng_Latn ar:arb_Arab bg:bul_Cyrl bn:ben_Beng de:deu_Latn el:ell_Grek es:spa_Latn "
    "eu:eus_Latn fa:pes_Arab fi:fin_Latn fr:fra_Latn he:heb_Hebr hi:hin_Deva id:ind_Latn "
    "ja:jpn_Jpan ka:kat_Geor kk:kaz_Cyrl ko:kor_Hang ml:mal_Mlym mr:mar_Deva ru:rus_Cyrl "
    "sw:swh_Latn ta:tam_Taml te:tel_Telu th:tha_Thai tr:tur_Latn ur:urd_Arab vi:vie_Latn "
    "yo:yor_Latn zh:zho_Hans"
)
FLORES = {code: name for code, _, name in (pair.partition(":") for pair in _CODES.split())}
"""The languages that are read, and what FLORES-200 calls them."""
TOPICS = (
    "entertainment",
    "geography",
    "health",
    "politics",
    "science/technology",
    "sports",
    "travel",
)


def _example(row: FileRow) -> TextExample:
    """A sentence; translations have its number in common."""
    return TextExample(
        row.text("index_id"), row.text("text"), row.text("category"), None, row.where
    )


def _local(split: str, language: str) -> tuple[Local, ...]:
    """The folders by themselves, or in a clone of the data set's repository."""
    folders = ("sib200", "sib-200/data/annotated")
    names = (f"{folder}/{FLORES[language]}/{split}.tsv" for folder in folders)
    return tuple(Local((name,), parse_rows(quoted_tsv_rows, _example)) for name in names)


SIB200 = task(
    name="sib200",
    format="classification",
    sizes={"train": {"en": 701}, "dev": {"en": 99}, "test": dict.fromkeys(FLORES, 204)},
    local=_local,
    labels=TOPICS,
    subwords=35,
    summary="what is the sentence about? seven topics",
    licence="",
    citation="Adelani et al. 2023, arXiv 2309.07445",
)
