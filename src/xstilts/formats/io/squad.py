"""Questions in SQuAD's JSON: SQuAD v1.1 and v2.0, XQuAD, MLQA, TyDiQA-GoldP, XQuAD-R."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.core.hashing import seed_of
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.readers import FileRow, Parse, parquet_rows, parse_rows
from xstilts.formats.span import SpanExample


def read_squad(path: Path) -> list[SpanExample]:
    """All questions of a file, in the order of their ids' digests: any first n are fair.

    The file's own order goes through one article after the other.

    Raises:
        DataError: not JSON, or not in this form; says where in the tree.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error.msg}", where=f"{path}:{error.lineno}") from None
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8", where=str(path), todo="save it as UTF-8") from error
    return sorted(_unique(_questions(tree, path)), key=lambda one: seed_of("squad", one.id))


def questions(path: Path, _start: str) -> list[SpanExample]:
    """The questions of a file in SQuAD's JSON, for a task's sources."""
    return read_squad(path)


def hub_questions(prefix: str = "") -> Parse:
    """A parser of SQuAD-like Parquet: id, question, context, answers {text, answer_start}.

    Args:
        prefix: of the ids wanted; the rest is passed over.
    """
    return partial(_hub_questions, parse_rows(parquet_rows(), partial(_hub_question, prefix)))


def _hub_questions(parse: Parse, path: Path, start: str) -> Iterator[Example | BadRow]:
    seen = Counter[str]()
    for one in parse(path, start):
        yield _numbered(one, seen) if isinstance(one, SpanExample) else one


def _hub_question(prefix: str, row: FileRow) -> SpanExample | None:
    name = row.text("id")
    if not name.startswith(prefix):
        return None
    listed, context = row.get("answers"), row.text("context")
    answers = [str(text) for text in _list(listed, "text", row.where)]
    starts = [int(start) for start in _list(listed, "answer_start", row.where)]
    return SpanExample(
        id=name,
        question=row.text("question"),
        context=context,
        answers=tuple(answers),
        starts=tuple(map(partial(_start, context), answers, starts)),
        where=row.where,
    )


def _start(context: str, answer: str, given: int) -> int:
    """The start of an answer: the given one, or the nearest at which the context has the answer.

    More than a quarter of the starts in the hub's TyDiQA are wrong.
    """
    if context.startswith(answer, max(given, 0)):
        return given
    places = [found.start() for found in re.finditer(f"(?={re.escape(answer)})", context)]
    return min(places, key=lambda place: abs(place - given), default=given)


def _unique(questions: Iterable[SpanExample]) -> Iterator[SpanExample]:
    """The questions with `#2`, `#3` … after an id that was there before (TyDiQA's train)."""
    seen = Counter[str]()
    for one in questions:
        yield _numbered(one, seen)


def _numbered(one: SpanExample, seen: Counter[str]) -> SpanExample:
    seen[one.id] += 1
    return replace(one, id=f"{one.id}#{seen[one.id]}") if seen[one.id] > 1 else one


def _questions(tree: Any, path: Path) -> Iterator[SpanExample]:
    for number, article in enumerate(_list(tree, "data", str(path))):
        place = f"{path}: data[{number}]"
        for part, paragraph in enumerate(_list(article, "paragraphs", place)):
            inner = f"{place}.paragraphs[{part}]"
            context = _get(paragraph, "context", inner)
            for count, question in enumerate(_list(paragraph, "qas", inner)):
                yield _question(question, context, f"{inner}.qas[{count}]")


def _question(question: Any, context: str, where: str) -> SpanExample:
    if not isinstance(question, dict):
        raise DataError("a question is not an object", where=where, todo="use SQuAD's form")
    answers = [] if question.get("is_impossible") else _list(question, "answers", where)
    return SpanExample(
        id=str(_get(question, "id", where)),
        question=str(_get(question, "question", where)),
        context=context,
        answers=tuple(str(_get(answer, "text", where)) for answer in answers),
        starts=tuple(_given_start(answer, where) for answer in answers),
        where=where,
    )


def _given_start(answer: dict[str, Any], where: str) -> int:
    start = answer.get("answer_start", -1)
    if not isinstance(start, int):
        raise DataError(
            f"'answer_start' is not a number: {start!r}", where=where, todo="correct it"
        )
    return start


def _get(item: Any, name: str, where: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise DataError(f"no {name!r}", where=where, todo="the file must be in SQuAD's form")
    return item[name]


def _list(item: Any, name: str, where: str) -> Sequence[Any]:
    found = _get(item, name, where)
    if not isinstance(found, list):
        raise DataError(f"{name!r} is not a list", where=where, todo="use SQuAD's form")
    return found
