"""HellaSwag: how does the scene go on? Four endings.

As in jiant (jiant/tasks/lib/hellaswag.py), `ctx_a` stands before the choices and every choice
begins with `ctx_b`.
"""

from __future__ import annotations

from functools import partial

from xstilts.formats.io.readers import FileRow, json_rows, parquet_rows, parse_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local

NUMBERS = ("0", "1", "2", "3")


def _example(split: str, row: FileRow) -> ChoiceExample:
    first, second = row.text("ctx_a").strip(), row.text("ctx_b").strip()
    choices = tuple(f"{second} {ending}".strip() for ending in row.texts("endings"))
    return ChoiceExample(row.id, first, choices, label_or_blank(row, "label", split), row.where)


def _local(split: str) -> tuple[Local, ...]:
    parse = parse_rows(json_rows, partial(_example, split))
    part = {"train": "train", "dev": "val", "test": "test"}[split]
    names = (f"hellaswag/hellaswag_{part}.jsonl", f"hellaswag/{part}.jsonl")
    return tuple(Local((name,), parse) for name in names)


def _hub(split: str) -> Hub:
    return Hub(
        "Rowan/hellaswag",
        "218ec52e09a7e7462a5400043bb9a69a41d06b76",
        (f"data/{HUB_SPLITS[split]}-00000-of-00001.parquet",),
        parse_rows(parquet_rows(), partial(_example, split)),
    )


HELLASWAG = english_task(
    name="hellaswag",
    format="multiple_choice",
    sizes={"train": 39_905, "dev": 10_042, "test": 10_003},
    local=_local,
    hub=_hub,
    labels=NUMBERS,
    dataset="Rowan/hellaswag",
    subwords=360,
    summary="how does the scene go on? four endings",
    licence="MIT",
    citation="Zellers et al. 2019, arXiv 1905.07830",
)
