"""MGSM as numeric choice: which of five numbers answers the problem? The same 250 in each language.

The benchmark requires the number itself, so its published scores belong to another task. The
choices are defined here: five evenly spaced integers in ascending order. The position of the
answer is drawn from the problem's id, so the numbers alone do not reveal it. The step, drawn with
it, is 1, 2 or 5 in the second digit of the answer, and small enough that four steps down stay at or
above 0. (Answers from 1 to 3 have fewer positions.) Translations have the same id and answer, and
therefore the same choices.

There is no training set. The default is CommonsenseQA, which also has five choices.
"""

from __future__ import annotations

from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import aligned_tsv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.english.commonsenseqa import LETTERS
from xstilts.tasks.io.sources import Local

STEPS = (1, 2, 5)


def choices_of(answer: int, name: str) -> tuple[tuple[int, ...], int]:
    """The choices in ascending order, and the position of the answer.

    Args:
        answer: at or above 0.
        name: the problem's id, from which step and position are drawn.
    """
    last = len(LETTERS) - 1
    unit = 10 ** max(0, len(str(answer)) - 2)
    steps = [unit * step for step in STEPS if last * unit * step <= answer] or [1]
    drawn, draw = divmod(seed_of("mgsm-choice", name), len(steps))
    step = steps[draw]
    position = min(drawn % len(LETTERS), answer // step)
    first = answer - position * step
    return tuple(first + number * step for number in range(len(LETTERS))), position


def _example(row: FileRow) -> ChoiceExample:
    digits = row.text("answer").strip().replace(",", "")
    if not (digits.isascii() and digits.isdecimal()):
        raise DataError("the answer is not an integer", where=row.where)
    numbers, position = choices_of(int(digits), row.id)
    return ChoiceExample(
        row.id, row.text("question"), tuple(map(str, numbers)), LETTERS[position], row.where
    )


MGSM_CHOICE = task(
    name="mgsm-choice",
    format="multiple_choice",
    sizes={"test": same_size(names("en bn de es fr ja ru sw te th zh"), 250)},
    local=lambda _split, language: (
        Local(
            (f"mgsm/mgsm_{language}.tsv",),
            parse_rows(aligned_tsv_rows(("question", "answer")), _example),
        ),
    ),
    labels=LETTERS,
    subwords=380,
    train_task="commonsenseqa",
    summary="which of five numbers answers the problem? grade-school mathematics",
    licence="",
    citation="Shi et al. 2022, arXiv 2210.03057",
)
