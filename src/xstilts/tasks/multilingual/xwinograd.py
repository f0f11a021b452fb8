"""XWinograd: whom does the pronoun stand for? Winograd schemas in several languages.

The pronoun's place is the blank that one of two candidates fills, and the parts are read as
WinoGrande's: what stands before it is the text, each choice a candidate with the rest. There is no
training set of its own. COPA as the default is our choice: it has two choices too, and the model
is the one that `xcopa` needs anyway.

The languages are not translations of each other: no two sentences have an id in common.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from functools import partial
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, parse_rows, tsv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import task
from xstilts.tasks.english.winogrande import PLACES, filled
from xstilts.tasks.io.sources import Local

COLUMNS = ("language", "part", "original", "sentence", "tokens", "pronoun", "candidates")
CODES = {"jp": "ja"}


def _example(language: str, row: FileRow) -> ChoiceExample | None:
    """A sentence of the language; the file has all of them, one below the other."""
    code = row.text("language")
    if CODES.get(code, code) != language:
        return None
    tokens, pronoun, candidates = map(partial(_cell, row), COLUMNS[4:])
    try:
        word, (first, _), _ = pronoun
        (one, _, _, one_is_right), (other, _, _, other_is_right) = candidates
        before, after = _around(row.text("sentence"), tokens, first, word)
    except (TypeError, ValueError, IndexError) as error:
        raise DataError("no pronoun with two candidates in the row", where=row.where) from error
    if one_is_right is other_is_right:
        raise DataError("not one right candidate of two", where=row.where)
    text, choices = filled(before, (one, other), after)
    return ChoiceExample(row.id, text, choices, PLACES[bool(other_is_right)], row.where)


def _cell(row: FileRow, column: str) -> Any:
    """A cell that holds a JSON list."""
    try:
        return json.loads(row.text(column))
    except json.JSONDecodeError as error:
        raise DataError(f"{column!r} is not JSON", where=row.where) from error


def _around(sentence: str, tokens: Sequence[str], first: int, word: str) -> tuple[str, str]:
    """What stands before and after the pronoun, token number `first`.

    Tokens are looked for one after the other, as the pronoun may occur more than once. Those that
    the sentence writes in another way, such as quotation marks, are passed over. In Russian the
    mark after the pronoun may be part of it: it stays in the sentence.

    Raises:
        ValueError: the pronoun is not there.
    """
    start = 0
    for token in tokens[:first]:
        found = sentence.find(token, start)
        start = start if found < 0 else found + len(token)
    start = sentence.index(word, start)
    return sentence[:start], sentence[start + len(word.rstrip(string.punctuation)) :]


XWINOGRAD = task(
    name="xwinograd",
    format="multiple_choice",
    sizes={"test": {"en": 2_325, "fr": 83, "ja": 959, "pt": 263, "ru": 315}},
    local=lambda _split, language: (
        Local(
            ("xwinograd/dataset.tsv",), parse_rows(tsv_rows(COLUMNS), partial(_example, language))
        ),
    ),
    labels=PLACES,
    subwords=50,
    train_task="copa",
    summary="whom does the pronoun stand for? Winograd schemas",
    licence="",
    citation="Tikhonov and Ryabinin 2021, arXiv 2106.12066",
)
