"""XNLI: natural language inference in 15 languages; trained on MNLI."""

from __future__ import annotations

from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.tasks.builders import NLI_LABELS, names, same_size, task
from xstilts.tasks.io.sources import Hub
from xstilts.tasks.io.xtreme_pairs import read_pairs
from xstilts.tasks.xtreme.dataset import CITATION, SOURCE, hub_config, one_file

DATASET = "facebook/xnli"
REVISION = "b8dd5d7af51114dbda02c0e3f6133f332186418e"
LANGUAGES = names("en ar bg de el es fr hi ru sw th tr ur vi zh")
HUB_LABELS = ("entailment", "neutral", "contradiction")


def _example(row: FileRow) -> TextExample:
    return TextExample(
        row.id, row.text("premise"), row.text("label"), row.text("hypothesis"), row.where
    )


def _hub(split: str, language: str) -> Hub:
    parse = parse_rows(parquet_rows({"label": HUB_LABELS}), _example)
    return hub_config(language, split, parse, dataset=DATASET, revision=REVISION)


XNLI = task(
    name="xnli",
    version=2,
    format="classification",
    sizes={
        "train": {"en": 392_702},
        "dev": same_size(LANGUAGES, 2_490),
        "test": same_size(LANGUAGES, 5_010),
    },
    local=lambda split, language: one_file(f"xnli/{split}-{language}.tsv", read_pairs),
    hub=_hub,
    dataset=DATASET,
    source=SOURCE,
    labels=NLI_LABELS,
    subwords=52,
    train_task="mnli",
    summary="does the premise entail the hypothesis? trained on MNLI",
    licence="CC-BY-NC-4.0",
    citation=CITATION,
)
