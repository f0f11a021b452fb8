"""Cosmos QA: what lies between the lines of a story? Four answers.

As in jiant (jiant/tasks/lib/cosmosqa.py), context and question stand before the choices, with a
space between.
"""

from __future__ import annotations

from functools import partial

from xstilts.formats.io.readers import FileRow, json_rows, parquet_rows, parse_rows
from xstilts.formats.io.tables import csv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local

NUMBERS = ("0", "1", "2", "3")


def _example(split: str, row: FileRow) -> ChoiceExample:
    text = f"{row.text('context').strip()} {row.text('question').strip()}"
    choices = tuple(row.text(f"answer{number}") for number in NUMBERS)
    return ChoiceExample(
        row.text("id"), text, choices, label_or_blank(row, "label", split), row.where
    )


def _local(split: str) -> tuple[Local, ...]:
    example = partial(_example, split)
    part = {"train": "train", "dev": "valid", "test": "test"}[split]
    return (
        Local((f"cosmosqa/{part}.csv",), parse_rows(csv_rows, example)),
        Local((f"cosmosqa/{part}.jsonl",), parse_rows(json_rows, example)),
    )


def _hub(split: str) -> Hub:
    # A commit of the branch refs/convert/parquet: the data set itself is a loading script.
    return Hub(
        "allenai/cosmos_qa",
        "ed50fe83db62b355759053b1cd5eef344ee371e0",
        (f"default/{HUB_SPLITS[split]}/0000.parquet",),
        parse_rows(parquet_rows(), partial(_example, split)),
    )


COSMOSQA = english_task(
    name="cosmosqa",
    format="multiple_choice",
    sizes={"train": 25_262, "dev": 2_985, "test": None},
    local=_local,
    hub=_hub,
    labels=NUMBERS,
    dataset="allenai/cosmos_qa",
    subwords=480,
    summary="what lies between the lines of a story? four answers",
    licence="CC-BY-4.0",
    citation="Huang et al. 2019, arXiv 1909.00277",
)
