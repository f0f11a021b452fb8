"""MGSM as numeric choice: which of five numbers answers the problem? The same 250 in each language.

The benchmark asks for the number itself, so its published scores are of another task. The choices
are ours. They are five neighbours in a row of evenly spaced whole numbers, in rising order, and the
right one is at a place drawn by the problem's id: the numbers alone say nothing of which is right.
The distance, drawn with it, is 1, 2 or 5 in the second digit of the answer, and small enough that
four steps down stay at or above 0. (Answers from 1 to 3 have fewer places.) Translations have the
same id and answer, so they have the same choices.

There is no training set. CommonsenseQA as the default is our choice: it has five choices too.
"""

from __future__ import annotations

from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.formats.io.readers import FileRow, parse_rows, tsv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.english.commonsenseqa import LETTERS
from xstilts.tasks.io.sources import Local

STEPS = (1, 2, 5)


def choices_of(answer: int, name: str) -> tuple[tuple[int, ...], int]:
    """The numbers to choose from, in rising order, and the place of the answer among them.

    Args:
        answer: at or above 0.
        name: the problem's id, from which step and place are drawn.
    """
    last = len(LETTERS) - 1
    unit = 10 ** max(0, len(str(answer)) - 2)
    steps = [unit * step for step in STEPS if last * unit * step <= answer] or [1]
    drawn, draw = divmod(seed_of("mgsm-choice", name), len(steps))
    step = steps[draw]
    place = min(drawn % len(LETTERS), answer // step)
    return tuple(answer + (number - place) * step for number in range(len(LETTERS))), place


def _example(row: FileRow) -> ChoiceExample:
    digits = row.text("answer").strip().replace(",", "")
    if not (digits.isascii() and digits.isdecimal()):
        raise DataError("the answer is not an integer", where=row.where)
    numbers, place = choices_of(int(digits), row.id)
    return ChoiceExample(
        row.id, row.text("question"), tuple(map(str, numbers)), LETTERS[place], row.where
    )


MGSM_CHOICE = task(
    name="mgsm-choice",
    format="multiple_choice",
    sizes={"test": same_size(names("en bn de es fr ja ru sw te th zh"), 250)},
    local=lambda _split, language: (
        Local(
            (f"mgsm/mgsm_{language}.tsv",), parse_rows(tsv_rows(("question", "answer")), _example)
        ),
    ),
    labels=LETTERS,
    subwords=380,
    train_task="commonsenseqa",
    summary="which of five numbers answers the problem? grade-school mathematics",
    licence="",
    citation="Shi et al. 2022, arXiv 2210.03057",
)
