"""CommonsenseQA: questions of common sense, five answers; the question stands before them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, json_rows, parquet_rows, parse_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local

LETTERS = ("A", "B", "C", "D", "E")


def _local_row(split: str, row: FileRow) -> ChoiceExample:
    """`question`: {stem, choices: [{label, text}, …]}."""
    try:
        question = row.get("question")
        listed = {choice["label"]: choice["text"] for choice in question["choices"]}
        return _example(split, row, question["stem"], listed)
    except (KeyError, TypeError) as error:
        raise DataError("no 'stem' and 'choices' in the question", where=row.where) from error


def _hub_row(split: str, row: FileRow) -> ChoiceExample:
    """`question`, and `choices`: {label: […], text: […]}."""
    choices = row.get("choices")
    listed = dict(zip(choices["label"], choices["text"], strict=True))
    return _example(split, row, row.text("question"), listed)


def _example(split: str, row: FileRow, question: str, listed: Mapping[str, str]) -> ChoiceExample:
    """The choices in the order of their letters."""
    choices = tuple(str(listed[letter]) for letter in sorted(listed))
    label = label_or_blank(row, "answerKey", split)
    return ChoiceExample(row.text("id"), str(question), choices, label, row.where)


def _local(split: str) -> tuple[Local, ...]:
    parse = parse_rows(json_rows, partial(_local_row, split))
    suffix = "_no_answers" if split == "test" else ""
    names = (f"commonsenseqa/{split}.jsonl", f"commonsenseqa/{split}_rand_split{suffix}.jsonl")
    return tuple(Local((name,), parse) for name in names)


def _hub(split: str) -> Hub:
    return Hub(
        "tau/commonsense_qa",
        "94630fe30dad47192a8546eb75f094926d47e155",
        (f"data/{HUB_SPLITS[split]}-00000-of-00001.parquet",),
        parse_rows(parquet_rows(), partial(_hub_row, split)),
    )


COMMONSENSEQA = english_task(
    name="commonsenseqa",
    format="multiple_choice",
    sizes={"train": 9_741, "dev": 1_221, "test": 1_140},
    local=_local,
    hub=_hub,
    labels=LETTERS,
    dataset="tau/commonsense_qa",
    subwords=110,
    summary="questions of common sense, five answers",
    licence="MIT",
    citation="Talmor et al. 2019, arXiv 1811.00937",
)
