"""Questions in SQuAD's JSON: SQuAD v1.1 and v2.0, XQuAD, MLQA, TyDiQA-GoldP, XQuAD-R."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.core.keys import seed_of
from xstilts.tasks.base import SpanExample


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


def _unique(questions: Iterable[SpanExample]) -> Iterator[SpanExample]:
    """The questions with `#2`, `#3` … after an id that was there before (TyDiQA's train)."""
    seen = Counter[str]()
    for one in questions:
        seen[one.id] += 1
        yield replace(one, id=f"{one.id}#{seen[one.id]}") if seen[one.id] > 1 else one


def _questions(tree: Any, path: Path) -> Iterator[SpanExample]:
    for number, article in enumerate(_list(tree, "data", str(path))):
        place = f"{path}: data[{number}]"
        for part, paragraph in enumerate(_list(article, "paragraphs", place)):
            inner = f"{place}.paragraphs[{part}]"
            context = _get(paragraph, "context", inner)
            for count, question in enumerate(_list(paragraph, "qas", inner)):
                yield _question(question, context, f"{inner}.qas[{count}]")


def _question(question: Any, context: str, where: str) -> SpanExample:
    answers = [] if question.get("is_impossible") else _list(question, "answers", where)
    return SpanExample(
        id=str(_get(question, "id", where)),
        question=str(_get(question, "question", where)),
        context=context,
        answers=tuple(str(_get(answer, "text", where)) for answer in answers),
        starts=tuple(int(answer.get("answer_start", -1)) for answer in answers),
        where=where,
    )


def _get(item: Any, name: str, where: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise DataError(f"no {name!r}", where=where, todo="the file must be in SQuAD's form")
    return item[name]


def _list(item: Any, name: str, where: str) -> Sequence[Any]:
    found = _get(item, name, where)
    if not isinstance(found, list):
        raise DataError(f"{name!r} is no list", where=where, todo="use SQuAD's form")
    return found
