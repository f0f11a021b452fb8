"""Questions in SQuAD's JSON: SQuAD v1.1 and v2.0, XQuAD, MLQA, TyDiQA-GoldP, XQuAD-R.

One rule for files and the hub: an answer starts where its row says, else at the nearest position
at which the context has it. More than a quarter of the starts in the hub's TyDiQA are wrong, and
some tools count bytes or UTF-16 units.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.cells import NOT_UNICODE, as_offset, as_text, as_truth, is_unicode
from xstilts.formats.io.readers import FileRow, Parse, parquet_rows, parse_rows, unique_names
from xstilts.formats.span import SpanExample

TEST = "test"
"""How the ids of a split begin whose questions may have no answers."""
FORM = "the file must be in SQuAD's form"
ANSWERS = "answers"
ANSWER_NAMES = ("answer", ANSWERS)
"""Lower-case names that hold answers; under any but `answers`, a test set would look unlabelled."""
UNKNOWN_START = -1
"""The start of an answer without one; enough for a test set, which is scored by the text."""


class Optional(NamedTuple):
    """What the questions of a file may lack."""

    answers: bool
    starts: bool


Answers = Sequence[tuple[str, int]]
"""(text, start) of each answer."""


def read_squad(path: Path, start: str = "") -> list[SpanExample | BadRow]:
    """All questions of a file, in the order of their ids' digests: any first n are fair.

    The file's own order goes through one article after the other.

    Args:
        start: of the names of the split; a question of `test` may have no answers.

    Raises:
        DataError: not JSON, or no list of articles; says where in the tree.
    """
    tree = read_tree(path)
    is_test = start.startswith(TEST)
    questions = _questions(tree, path, Optional(is_test and not _has_answers(tree), is_test))
    return sorted(_unique(questions), key=lambda question: seed_of("squad", question.id))


def read_tree(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        DataError: not JSON; says in which line.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique_names)
    except json.JSONDecodeError as error:
        raise DataError(
            f"not JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            todo=f"{FORM}: one object with a list 'data', not one object in each line",
        ) from None
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8", where=str(path), todo="save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # a number too long, too deep, a name twice
        raise DataError(f"not JSON: {error}", where=str(path), todo=FORM) from error


def _has_answers(tree: Any) -> bool:
    """Whether any question of a file has an answer, or is said to have none."""
    if isinstance(tree, list):
        return any(map(_has_answers, tree))
    if not isinstance(tree, dict):
        return False
    if tree.get("answers") is not None or tree.get("is_impossible") is not None:
        return True
    return any(_has_answers(tree.get(name)) for name in ("data", "paragraphs", "qas"))


def questions(path: Path, start: str) -> list[SpanExample | BadRow]:
    """The questions of a file in SQuAD's JSON, for a task's sources."""
    return read_squad(path, start)


def hub_questions(prefix: str = "") -> Parse:
    """A parser of SQuAD-like Parquet: id, question, context, answers {text, answer_start}.

    Args:
        prefix: of the ids wanted; the rest is passed over.
    """
    return partial(_hub_questions, prefix)


def _hub_questions(prefix: str, path: Path, start: str) -> Iterator[Example | BadRow]:
    is_test = start.startswith(TEST)
    example = partial(_hub_question, prefix, Optional(is_test, is_test))
    yield from _unique(parse_rows(parquet_rows(), example)(path, start))


def _hub_question(prefix: str, optional: Optional, row: FileRow) -> SpanExample | None:
    name = row.text("id")
    if not name.startswith(prefix):
        return None
    return _example(name, row.cells, row.text("context"), row.where, optional)


def _unique(questions: Iterable[Any]) -> Iterator[Any]:
    """The questions with `#2`, `#3` … after an id that was there before (TyDiQA's train)."""
    seen = Counter[str]()
    for question in questions:
        seen[question.id] += 1
        number = seen[question.id]
        yield replace(question, id=f"{question.id}#{number}") if number > 1 else question


def _questions(tree: Any, path: Path, optional: Optional) -> Iterator[SpanExample | BadRow]:
    for paragraph, inner in paragraphs(tree, path):
        if isinstance(paragraph, BadRow):
            yield paragraph
            continue
        for count, question in enumerate(members(paragraph, "qas", inner)):
            if isinstance(question, BadRow):
                yield question
                continue
            yield _question(paragraph, question, f"{inner}.qas[{count}]", optional)


def paragraphs(tree: Any, path: Path) -> Iterator[tuple[Any, str]]:
    """The paragraphs of a file, or bad rows, and their positions in the tree.

    Raises:
        DataError: no list of articles.
    """
    for number, article in enumerate(_list(tree, "data", str(path))):
        where = f"{path}: data[{number}]"
        for part, paragraph in enumerate(members(article, "paragraphs", where)):
            yield paragraph, f"{where}.paragraphs[{part}]"


def members(item: Any, name: str, where: str) -> Iterator[Any]:
    """The elements of a list, or one bad row in place of a list that is missing."""
    try:
        yield from _list(item, name, where)
    except DataError as error:
        yield BadRow(where.rpartition(": ")[2], error.what, where=where)


def _question(
    paragraph: Any, question: Any, where: str, optional: Optional
) -> SpanExample | BadRow:
    fallback = where.rpartition(": ")[2]
    try:
        context = as_text(member(paragraph, "context", where), "context", where)
        name = as_text(member(question, "id", where), "id", where) or fallback
        found = _example(name, question, context, where, optional)
    except DataError as error:
        return BadRow(fallback, error.what, where=where)
    texts = (name, context, found.question, found.answers)
    return found if is_unicode(texts) else BadRow(fallback, NOT_UNICODE, where=where)


def _example(
    name: str, cells: Mapping[str, Any], context: str, where: str, optional: Optional
) -> SpanExample:
    impossible = as_truth(cells.get("is_impossible"), "is_impossible", where)
    listed = cells.get(ANSWERS)
    if impossible:
        answers: Answers = ()
    elif listed is None:
        misspelt = [name for name in cells if name != ANSWERS and name.lower() in ANSWER_NAMES]
        if misspelt:
            raise DataError(f"{misspelt[0]!r} in place of 'answers'", where=where, todo=FORM)
        if not optional.answers:
            raise DataError("no 'answers'", where=where, todo=FORM)
        answers = (("", UNKNOWN_START),)
    else:
        answers = [
            (text, _start(context, text, start, where, required=not optional.starts))
            for text, start in _answers(listed, where)
        ]
    return SpanExample(
        id=name,
        question=as_text(member(cells, "question", where), "question", where),
        context=context,
        answers=tuple(text for text, _ in answers),
        starts=tuple(start for _, start in answers),
        where=where,
    )


def _answers(listed: Any, where: str) -> Iterator[tuple[str, int | None]]:
    """(text, start) of each answer: of a list of answers, one answer, or the hub's two lists."""
    if isinstance(listed, Mapping):
        texts, starts = member(listed, "text", where), listed.get("answer_start")
        if isinstance(texts, list):
            starts = starts if isinstance(starts, list) else [None] * len(texts)
            if len(texts) != len(starts):
                raise DataError("answers and their starts differ in number", where=where)
            listed = [
                {"text": text, "answer_start": start}
                for text, start in zip(texts, starts, strict=True)
            ]
        else:
            listed = [listed]
    if not isinstance(listed, list):
        raise DataError("'answers' is not a list", where=where, todo=FORM)
    for answer in listed:
        text = as_text(member(answer, "text", where), "text", where)
        yield text, as_offset(answer.get("answer_start"), "answer_start", where)


def _start(context: str, answer: str, given: int | None, where: str, *, required: bool) -> int:
    """The start of an answer: the given one, or the nearest at which the context has the answer.

    Raises:
        DataError: no start is given, one is required, and the answer occurs several times.
    """
    if not answer:
        return UNKNOWN_START if given is None else given
    if given is not None and context.startswith(answer, max(given, 0)):
        return given
    starts = [match.start() for match in re.finditer(f"(?={re.escape(answer)})", context)]
    if given is None:
        if required and len(starts) > 1:
            raise DataError("an answer without 'answer_start' occurs several times", where=where)
        return starts[0] if starts else UNKNOWN_START
    return min(starts, key=lambda start: abs(start - given), default=given)


def member(item: Any, name: str, where: str) -> Any:
    """A member of a JSON object.

    Raises:
        DataError: no object, or it has no such member.
    """
    if not isinstance(item, Mapping) or name not in item:
        raise DataError(f"no {name!r}", where=where, todo=FORM)
    return item[name]


def _list(item: Any, name: str, where: str) -> Sequence[Any]:
    found = member(item, name, where)
    if not isinstance(found, list):
        raise DataError(f"{name!r} is not a list", where=where, todo=FORM)
    return found
