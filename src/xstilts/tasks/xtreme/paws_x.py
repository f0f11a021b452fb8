"""PAWS-X: paraphrase identification in seven languages."""

from __future__ import annotations

from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.io.sources import Hub
from xstilts.tasks.io.xtreme_pairs import read_pairs
from xstilts.tasks.xtreme.dataset import CITATION, SOURCE, hub_config, one_file

DATASET = "google-research-datasets/paws-x"
REVISION = "4cd8187c404bda33cb1f62b49b001115862acf37"
LANGUAGES = names("en de es fr ja ko zh")
LABELS = ("0", "1")


def _example(row: FileRow) -> TextExample | BadRow:
    """A pair; the Hub has -1 for missing and wrong labels of the release."""
    label = row.text("label")
    if not label:
        return BadRow(row.id, "no gold label", where=row.where)
    return TextExample(row.id, row.text("sentence1"), label, row.text("sentence2"), row.where)


def _hub(split: str, language: str) -> Hub:
    parse = parse_rows(parquet_rows({"label": LABELS}), _example)
    return hub_config(language, split, parse, dataset=DATASET, revision=REVISION)


PAWS_X = task(
    name="paws-x",
    version=2,
    format="classification",
    sizes={
        "train": {"en": 49_401},
        "dev": same_size(LANGUAGES, 2_000),
        "test": same_size(LANGUAGES, 2_000),
    },
    local=lambda split, language: one_file(f"pawsx/{split}-{language}.tsv", read_pairs),
    hub=_hub,
    dataset=DATASET,
    source=SOURCE,
    labels=LABELS,
    subwords=60,
    summary="do two sentences with nearly the same words mean the same?",
    licence="custom, free use",
    citation=CITATION,
)
