"""XWinograd: which candidate does the pronoun refer to? Winograd schemas in several languages.

The pronoun is replaced by a blank, and the sentence is read as in WinoGrande: the text is the part
before the blank, and each choice is a candidate with the part after it. There is no training set.
The default is COPA, which also has two choices and is needed by `xcopa` as well.

The languages are not translations of each other: no two sentences have an id in common.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from functools import partial
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import tsv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import task
from xstilts.tasks.english.winogrande import PLACES, filled
from xstilts.tasks.io.sources import Local

COLUMNS = ("language", "part", "original", "sentence", "tokens", "pronoun", "candidates")
CODES = {"jp": "ja"}


def _example(language: str, row: FileRow) -> ChoiceExample | None:
    """A sentence of the language; the file contains the sentences of all languages."""
    code = row.text("language")
    if CODES.get(code, code) != language:
        return None
    tokens, pronoun, candidates = map(partial(_cell, row), COLUMNS[4:])
    try:
        word, (first, _), _ = pronoun
        (first_name, _, _, first_is_gold), (second_name, _, _, second_is_gold) = candidates
        before, after = _around(row.text("sentence"), tokens, first, word)
    except (TypeError, ValueError, IndexError) as error:
        raise DataError("no pronoun with two candidates in the row", where=row.where) from error
    if first_is_gold is second_is_gold:
        raise DataError("the row does not have exactly one correct candidate", where=row.where)
    text, choices = filled(before, (first_name, second_name), after)
    return ChoiceExample(row.id, text, choices, PLACES[bool(second_is_gold)], row.where)


def _cell(row: FileRow, column: str) -> Any:
    """A cell that holds a JSON list."""
    try:
        return json.loads(row.text(column))
    except json.JSONDecodeError as error:
        raise DataError(f"{column!r} is not JSON", where=row.where) from error


def _around(sentence: str, tokens: Sequence[str], first: int, word: str) -> tuple[str, str]:
    """The text before and after the pronoun, which is token number `first`.

    Tokens are searched in order, as the pronoun may occur more than once. Tokens that are written
    differently in the sentence, such as quotation marks, are skipped. In Russian the token may
    include the punctuation after the pronoun, which remains in the sentence.

    Raises:
        ValueError: the pronoun is not there.
    """
    start = 0
    for token in tokens[:first]:
        index = sentence.find(token, start)
        start = start if index < 0 else index + len(token)
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
