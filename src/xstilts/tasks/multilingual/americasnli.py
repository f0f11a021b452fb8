"""AmericasNLI: a part of XNLI in ten Indigenous languages of the Americas; trained as XNLI.

The Hub's copy has no ids, and not all languages have all pairs, so that translations cannot be
matched there: only the files of the authors' repository are read.
"""

from __future__ import annotations

from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import tsv_rows
from xstilts.languages import language as language_info
from xstilts.tasks.builders import NLI_LABELS, task
from xstilts.tasks.io.sources import Local

SIZES = {
    "dev": {
        **dict.fromkeys(("ay", "bzd", "gn", "hch", "quy", "shp", "tar"), 743),
        "cni": 658,
        "nah": 585,
        "oto": 222,
    },
    "test": {
        **dict.fromkeys(("ay", "bzd", "cni", "gn", "hch", "quy", "shp", "tar"), 750),
        "nah": 738,
        "oto": 748,
    },
}
FOLDERS = ("americasnli", "americasnli/data/anli_final")


def _example(row: FileRow) -> TextExample:
    """A pair; its translations have its id, which is that of the pair in XNLI's order."""
    return TextExample(
        row.text("id"),
        row.text("premise"),
        row.text("label"),
        row.text("hypothesis"),
        row.where,
    )


def _local(split: str, language: str) -> tuple[Local, ...]:
    """The folders by themselves, or in a clone of the repository."""
    code = language if language == "gn" else language_info(language).iso3
    parse = parse_rows(tsv_rows(), _example)
    return tuple(Local((f"{folder}/{split}/{code}.tsv",), parse) for folder in FOLDERS)


AMERICASNLI = task(
    name="americasnli",
    format="classification",
    sizes=SIZES,
    local=_local,
    labels=NLI_LABELS,
    subwords=80,
    train_task="mnli",
    translates=(("xnli", "dev"), ("xnli", "test")),
    summary="XNLI in ten Indigenous languages of the Americas; trained on MNLI",
    licence="CC-BY-SA-4.0",
    citation="Ebrahimi et al. 2022, arXiv 2104.08726",
)
