"""Answers searched in one pool of all languages; a query can have several right answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.formats.base import Feature, Row, TokenizationConfig
from xstilts.formats.checks import NUL, text_problems
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    SearchSpec,
    all_blank,
)
from xstilts.formats.text_features import rows_without_subword, text_features

CANDIDATES = "candidates"
"""Beginning of the names of the parts of a pool, which stand where a split's languages do."""


def names_pool(name: str) -> bool:
    """Whether a name among a split's languages is of what is searched: `en:de`, `candidates`."""
    return ":" in name or name.startswith(CANDIDATES)


@dataclass(frozen=True)
class AnswerRetrievalExample:
    """A query, or a candidate of the pool.

    A candidate is a right answer to the queries that it shares a key with.

    Args:
        keys: of a query, what its right answers have; of a candidate, what it is an answer to.
            Empty for candidates that answer nothing, and for queries whose gold was removed.
        context: read after the text, as the second text of a pair; empty if there is none.
        group: equal for queries and candidates that belong in the same slice of a split.
    """

    id: str
    text: str
    keys: tuple[str, ...]
    context: str = ""
    group: str = ""
    where: str | None = None


def _example(name: str, row: FileRow) -> AnswerRetrievalExample:
    keys = row.keys("keys")
    return AnswerRetrievalExample(
        name,
        row.text("text"),
        keys,
        row.optional_text("context") or "",
        row.optional_key("group") or (keys[0] if keys else name),
        row.where,
    )


def _problems(
    example: AnswerRetrievalExample, _labels: frozenset[str], _split: str
) -> Iterator[Problem]:
    yield from text_problems([example.text])
    if "\0" in example.context:
        yield NUL, "in the context"


def _content(example: AnswerRetrievalExample) -> object:
    return example.text, example.context, example.keys


def _never_blank(_keys: Any, _labels: Labels) -> bool:
    """Most candidates answer no query."""
    return False


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    texts = [
        {"id": row["id"], "text": config.prompt + row["text"], "text_pair": row["context"] or None}
        for row in rows
    ]
    return text_features(texts, tokenizer, config.max_length, [0] * len(rows))


ANSWER_RETRIEVAL = FormatSpec(
    name="answer_retrieval",
    example=AnswerRetrievalExample,
    metrics=("map_at_20",),
    files=FileSpec(("text", "keys"), _example),
    problems=_problems,
    content=_content,
    gold=GoldSpec("keys", is_blank=all_blank, row_is_blank=_never_blank),
    features=_features,
    feature_problems=rows_without_subword,
    search=SearchSpec("search-pool", pooled=True),
)
