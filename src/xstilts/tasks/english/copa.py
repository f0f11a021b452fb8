"""COPA: which of two sentences tells the cause, or the effect, of what happened?

As in XTREME-R (xtreme/third_party/run_xcopa.py), the question stands after the premise, with a
space between.
"""

from __future__ import annotations

from functools import partial

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, Parse, Rows, json_rows, parquet_rows, parse_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local

PLACES = ("0", "1")
QUESTIONS = {"cause": "What was the cause?", "effect": "What was the effect?"}
PARTS = {"train": "train", "dev": "val", "test": "test"}


def _example(split: str, row: FileRow) -> ChoiceExample:
    asked = row.text("question")
    if asked not in QUESTIONS:
        raise DataError("the question is neither cause nor effect", where=row.where)
    return ChoiceExample(
        f"{split}-{row.text('idx')}",
        f"{row.text('premise').strip()} {QUESTIONS[asked]}",
        (row.text("choice1"), row.text("choice2")),
        label_or_blank(row, "label", split),
        row.where,
    )


def plausible_alternatives(split: str, rows: Rows = json_rows) -> Parse:
    """A parser of COPA's rows, in any language.

    Translations have the number `idx` of the original, which becomes part of the id.
    """
    return parse_rows(rows, partial(_example, split))


def _local(split: str) -> tuple[Local, ...]:
    """SuperGLUE's files, or those in the folder of XTREME's XCOPA."""
    part, parse = PARTS[split], plausible_alternatives(split)
    names = (f"COPA/{part}.jsonl", f"copa/{part}.jsonl", f"xcopa/{part}-en.jsonl")
    return tuple(Local((name,), parse) for name in names)


def copa_hub(split: str) -> Hub:
    """Return the file of a split in SuperGLUE."""
    return Hub(
        "aps/super_glue",
        "5234c61e804e85e5994b14b002fa9ec34487bcfb",
        (f"copa/{HUB_SPLITS[split]}-00000-of-00001.parquet",),
        plausible_alternatives(split, parquet_rows()),
    )


COPA = english_task(
    name="copa",
    format="multiple_choice",
    sizes={"train": 400, "dev": 100, "test": 500},
    local=_local,
    hub=copa_hub,
    labels=PLACES,
    dataset="aps/super_glue",
    subwords=45,
    summary="which of two sentences is the cause, or the effect?",
    licence="",
    citation="Roemmele et al. 2011",
)
