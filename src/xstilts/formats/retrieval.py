"""Sentences embedded by the bare encoder and searched: retrieval and bitext mining, no training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.formats.base import Feature, Row, TokenizationConfig
from xstilts.formats.checks import text_problems
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    SearchSpec,
    TranslationSpec,
    all_blank,
)
from xstilts.formats.text_features import rows_without_subword, text_features


@dataclass(frozen=True)
class RetrievalExample:
    """One sentence and the meaning it expresses (formats `retrieval` and `mining`).

    Retrieval: two sentences, of any languages, are correct answers to each other when their
    `meaning` is the same string; several sentences of a language may share one. Mining: the
    `meaning` lists the ids of the sentence's translations, separated by spaces; it may be blank.
    """

    id: str
    text: str
    meaning: str
    where: str | None = None


def _example(name: str, row: FileRow) -> RetrievalExample:
    return RetrievalExample(name, row.text("text"), row.key("meaning"), row.where)


def _problems(example: RetrievalExample, _labels: frozenset[str], _split: str) -> Iterator[Problem]:
    yield from text_problems([example.text])


def _content(example: RetrievalExample) -> object:
    return example.text, example.meaning


def _never_blank(_meaning: Any, _labels: Labels) -> bool:
    """Most sentences of a collection that is mined have no translation."""
    return False


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    if config.prompt:
        rows = [{**row, "text": config.prompt + row["text"]} for row in rows]
    return text_features(rows, tokenizer, config.max_length, [0] * len(rows))


RETRIEVAL = FormatSpec(
    name="retrieval",
    example=RetrievalExample,
    metrics=(
        *("accuracy_at_1", "mrr"),
        *("accuracy_at_1_to_en", "accuracy_at_1_from_en", "mrr_to_en", "mrr_from_en"),
    ),
    files=FileSpec(("text", "meaning"), _example),
    problems=_problems,
    content=_content,
    gold=GoldSpec("meaning"),
    translation=TranslationSpec(("text",)),
    features=_features,
    feature_problems=rows_without_subword,
    search=SearchSpec("search"),
)

MINING = FormatSpec(
    name="mining",
    example=RetrievalExample,
    metrics=("mining_f1",),
    problems=_problems,
    content=_content,
    gold=GoldSpec("meaning", is_blank=all_blank, row_is_blank=_never_blank),
    features=_features,
    feature_problems=rows_without_subword,
    search=SearchSpec("mine", settings=("neighbours",), tunes_threshold=True),
)
