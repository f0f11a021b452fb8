"""WinoGrande: which of two names fills the blank?

As in the authors' own training code (winogrande/scripts/utils.py), what stands before the blank is
the text, and each choice is a name with the rest of the sentence.
"""

from __future__ import annotations

from functools import partial

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, json_rows, labelled_rows, parse_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Local

PLACES = ("0", "1")
NUMBERED = {"1": "0", "2": "1"}
BLANK = "_"


def filled(before: str, names: tuple[str, str], after: str) -> tuple[str, tuple[str, str]]:
    """The text and the two choices of a sentence with a blank between `before` and `after`.

    If the sentence begins with the blank, the text is the sentence, as it must not be empty.
    """
    first, second = names
    return before.strip() or f"{BLANK}{after}", (f"{first}{after}", f"{second}{after}")


def _example(split: str, row: FileRow) -> ChoiceExample:
    before, blank, after = row.text("sentence").partition(BLANK)
    if not blank:
        raise DataError("no blank in the sentence", where=row.where)
    text, choices = filled(before, (row.text("option1"), row.text("option2")), after)
    label = label_or_blank(row, "answer", split)
    return ChoiceExample(row.text("qID"), text, choices, NUMBERED.get(label, label), row.where)


def _local(split: str) -> tuple[Local, ...]:
    """The largest train set; answers are in the rows or in a separate file."""
    name = "train_xl" if split == "train" else split
    rows = f"winogrande/{name}.jsonl"
    example = partial(_example, split)
    apart = parse_rows(labelled_rows("answer"), example)
    return (
        Local((rows,), apart, (f"winogrande/{name}-labels.lst",)),
        Local((rows,), parse_rows(json_rows, example)),
    )


WINOGRANDE = english_task(
    name="winogrande",
    format="multiple_choice",
    sizes={"train": None, "dev": None, "test": None},
    local=_local,
    labels=PLACES,
    subwords=50,
    summary="which of two names fills the blank?",
    licence="",
    citation="Sakaguchi et al. 2019, arXiv 1907.10641",
)
