"""PIQA: which of two ways reaches the goal?"""

from __future__ import annotations

from functools import partial

from xstilts.formats.io.readers import FileRow, json_rows, labelled_rows, parquet_rows, parse_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local


def _example(split: str, row: FileRow) -> ChoiceExample:
    choices = row.text("sol1"), row.text("sol2")
    return ChoiceExample(
        row.id, row.text("goal"), choices, label_or_blank(row, "label", split), row.where
    )


def _local(split: str) -> tuple[Local, ...]:
    """JSON lines; labels in a second file, as in the official release, or in the rows."""
    name = {"train": "train", "dev": "valid", "test": "tests"}[split]
    rows, example = f"piqa/{name}.jsonl", partial(_example, split)
    apart = Local(
        (rows,), parse_rows(labelled_rows("label"), example), (f"piqa/{name}-labels.lst",)
    )
    return apart, Local((rows,), parse_rows(json_rows, example))


def _hub(split: str) -> Hub:
    # ybisk/piqa is a loading script; this is the copy with data files that others use.
    return Hub(
        "baber/piqa",
        "142f6d7367fd9877f0fb3b5734ea6a545f54cdd1",
        (f"piqa_{HUB_SPLITS[split]}.parquet",),
        parse_rows(parquet_rows(), partial(_example, split)),
    )


PIQA = english_task(
    name="piqa",
    format="multiple_choice",
    sizes={"train": 16_113, "dev": 1_838, "test": None},
    local=_local,
    hub=_hub,
    labels=("0", "1"),
    dataset="baber/piqa",
    subwords=90,
    summary="which of two ways reaches the goal?",
    licence="",
    citation="Bisk et al. 2020, arXiv 1911.11641",
)
