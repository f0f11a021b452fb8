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


def _start(context: str, answer: str, told: int) -> int:
    """Where an answer starts: where it is told to, or else at the nearest place that has it.

    Over a quarter of the answers in the hub's TyDiQA do not start where they are told to.
    """
    if context.startswith(answer, max(told, 0)):
        return told
    places = [found.start() for found in re.finditer(f"(?={re.escape(answer)})", context)]
    return min(places, key=lambda place: abs(place - told), default=told)


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
        raise DataError("a question is no object", where=where, todo="use SQuAD's form")
    answers = [] if question.get("is_impossible") else _list(question, "answers", where)
    return SpanExample(
        id=str(_get(question, "id", where)),
        question=str(_get(question, "question", where)),
        context=context,
        answers=tuple(str(_get(answer, "text", where)) for answer in answers),
        starts=tuple(_told_start(answer, where) for answer in answers),
        where=where,
    )


def _told_start(answer: dict[str, Any], where: str) -> int:
    told = answer.get("answer_start", -1)
    if not isinstance(told, int):
        raise DataError(f"'answer_start' is no number: {told!r}", where=where, todo="mend it")
    return told


def _get(item: Any, name: str, where: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise DataError(f"no {name!r}", where=where, todo="the file must be in SQuAD's form")
    return item[name]


def _list(item: Any, name: str, where: str) -> Sequence[Any]:
    found = _get(item, name, where)
    if not isinstance(found, list):
        raise DataError(f"{name!r} is no list", where=where, todo="use SQuAD's form")
    return found
