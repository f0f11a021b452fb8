"""MasakhaNEWS: what is the article about? Seven topics, sixteen languages of Africa.

As in the repository's code, the text is the headline followed by the article. Its paper reports F1
weighted by the topics' frequencies; here the metric is accuracy. Some topics do not occur in some
languages.
"""

from __future__ import annotations

from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import quoted_tsv_rows
from xstilts.languages import language as language_info
from xstilts.tasks.builders import names, task
from xstilts.tasks.io.sources import Local

TOPICS = names("business entertainment health politics religion sports technology")
SIZES = {  # language → train, dev, test
    "en": (3_309, 472, 948),
    "am": (1_311, 188, 376),
    "fr": (1_476, 211, 422),
    "ha": (2_219, 317, 637),
    "ig": (1_356, 194, 390),
    "lg": (771, 110, 223),
    "ln": (608, 87, 175),
    "om": (1_128, 162, 325),
    "pcm": (1_060, 152, 305),
    "rn": (1_117, 159, 322),
    "sn": (1_288, 185, 369),
    "so": (1_021, 148, 294),
    "sw": (1_658, 237, 476),
    "ti": (947, 137, 272),
    "xh": (1_032, 147, 297),
    "yo": (1_433, 206, 411),
}


def _example(row: FileRow) -> TextExample:
    text = f"{row.text('headline').strip()} {row.text('text').strip()}".strip()
    return TextExample(row.id, text, row.label("category"), None, row.where)


def _local(split: str, language: str) -> tuple[Local, ...]:
    """A clone of the repository, or the files of one language in a folder each."""
    code = language_info(language).iso3
    parse = parse_rows(quoted_tsv_rows, _example)
    return tuple(
        Local((f"{folder}/{code}/{split}.tsv",), parse)
        for folder in ("masakhane-news/data", "masakhanews")
    )


MASAKHANEWS = task(
    name="masakhanews",
    format="classification",
    sizes={
        split: {code: sizes[number] for code, sizes in SIZES.items()}
        for number, split in enumerate(("train", "dev", "test"))
    },
    local=_local,
    labels=TOPICS,
    subwords=600,
    summary="what is the article about? seven topics, sixteen languages of Africa",
    licence="AFL-3.0",
    citation="Adelani et al. 2023, arXiv 2304.09972",
)
