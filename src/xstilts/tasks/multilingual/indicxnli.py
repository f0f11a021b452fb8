"""IndicXNLI: XNLI's English dev and test sets, translated by IndicTrans into eleven languages.

As XNLI, it is trained on English NLI. Rows have no ids, and are in XNLI's order in every language.
The train sets (XNLI's translated) and the back-translations of the release are not read.
"""

from __future__ import annotations

from xstilts.formats.classification import TextExample
from xstilts.formats.io.json_array import json_array_rows
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.tasks.builders import NLI_LABELS, names, same_size, task
from xstilts.tasks.english.nli import HUB_CLASSES
from xstilts.tasks.io.sources import Hub, Local

DATASET = "Divyanshu/indicxnli"
REVISION = "7092c27872e919f31d0496fb8b9c47bd2cba3f6c"
LANGUAGES = names("as bn gu hi kn ml mr or pa ta te")
NUMBERED = {str(number): label for number, label in enumerate(HUB_CLASSES["label"])}


def _example(row: FileRow) -> TextExample:
    label = row.text("label")
    return TextExample(
        row.id,
        row.text("premise"),
        NUMBERED.get(label, label),
        row.text("hypothesis"),
        row.where,
    )


PARSE = parse_rows(json_array_rows, _example)


def _file(split: str, language: str) -> str:
    return f"forward/{split}/xnli_{language}.json"


INDICXNLI = task(
    name="indicxnli",
    format="classification",
    sizes={"dev": same_size(LANGUAGES, 2_490), "test": same_size(LANGUAGES, 5_010)},
    local=lambda split, language: (Local((f"indicxnli/{_file(split, language)}",), PARSE),),
    hub=lambda split, language: Hub(DATASET, REVISION, (_file(split, language),), PARSE),
    dataset=DATASET,
    labels=NLI_LABELS,
    subwords=60,
    train_task="mnli",
    translates=(("xnli", "dev"), ("xnli", "test")),
    summary="XNLI in eleven languages of India; trained on MNLI",
    licence="CC0-1.0",
    citation="Aggarwal et al. 2022, arXiv 2204.08776",
)
