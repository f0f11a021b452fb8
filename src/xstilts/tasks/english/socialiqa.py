"""Social IQa: why did they do that, and what next? Three answers.

As in jiant (jiant/tasks/lib/socialiqa.py), context and question stand before the choices, with a
space between.
"""

from __future__ import annotations

from functools import partial

from xstilts.formats.io.readers import FileRow, json_rows, labelled_rows, parquet_rows, parse_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local

LETTERS = ("A", "B", "C")
NUMBERED = {"1": "A", "2": "B", "3": "C"}


def _example(column: str, split: str, row: FileRow) -> ChoiceExample:
    text = f"{row.text('context').strip()} {row.text('question').strip()}"
    choices = tuple(row.text(f"answer{letter}") for letter in LETTERS)
    label = label_or_blank(row, column, split)
    return ChoiceExample(row.id, text, choices, NUMBERED.get(label, label), row.where)


def _local(split: str) -> tuple[Local, ...]:
    """The file whose rows contain the letter, or the file with its labels in a second file."""
    part = {"train": "trn", "dev": "dev", "test": "tst"}[split]
    inside = parse_rows(json_rows, partial(_example, "correct", split))
    apart = parse_rows(labelled_rows("label"), partial(_example, "label", split))
    rows = f"socialiqa/{split}.jsonl"
    return (
        Local((f"socialiqa/socialIQa_v1.4_{part}.jsonl",), inside),
        Local((rows,), apart, (f"socialiqa/{split}-labels.lst",)),
    )


def _hub(split: str) -> Hub | None:
    # A commit of the branch refs/convert/parquet: the data set itself is a loading script.
    if split == "test":
        return None
    return Hub(
        "allenai/social_i_qa",
        "537a2ec8ec565adc0b70b70752893e59e024df26",
        (f"default/{HUB_SPLITS[split]}/0000.parquet",),
        parse_rows(parquet_rows(), partial(_example, "label", split)),
    )


SOCIALIQA = english_task(
    name="socialiqa",
    format="multiple_choice",
    sizes={"train": 33_410, "dev": 1_954, "test": 2_224},
    local=_local,
    hub=_hub,
    labels=LETTERS,
    dataset="allenai/social_i_qa",
    subwords=120,
    summary="why did they do that, and what next? three answers",
    licence="",
    citation="Sap et al. 2019, arXiv 1904.09728",
)
