"""Mewsli-X's JSON lines: mentions in WikiNews articles, entities, and pairs of both.

Texts are those of `preprocess_mention` and `preprocess_entity_description` of XTREME-R's
utils_mewslix.py: a mention, then its sentence with the mention in braces; the sentences of a
description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.answer_retrieval import AnswerRetrievalExample
from xstilts.formats.base import BadRow
from xstilts.formats.io.cells import as_offset, as_text
from xstilts.formats.io.readers import FileRow, json_rows
from xstilts.formats.io.squad import member

NO_ARTICLE = "article without text"
CROSSES_SENTENCES = "mention in no single sentence"
MARKED = re.compile(r"\{(.*?)\}")
"""Braces of the article itself, which become parentheses."""

Found = AnswerRetrievalExample | BadRow


def mentions(language: str, path: Path, start: str) -> Iterator[Found]:
    """The mentions of a language, as queries; their key is the entity, none if it was removed.

    A file `wikinews_labels/SPLIT-LANGUAGE.json` next to the folder supplies removed entities.
    """
    labels = _labels(path)
    for row in json_rows(path, start):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            article = member(row.cells, "context", row.where)
            if member(article, "language", row.where) != language:
                continue
            listed = member(row.cells, "mentions", row.where)
            if not isinstance(listed, list):
                raise DataError("'mentions' is not a list", where=row.where)
        except DataError as error:
            yield BadRow(row.id, error.what, where=row.where)
            continue
        for number, mention in enumerate(listed):
            yield _query(article, mention, f"{row.id}-{number}", row.where, labels)


def entities(path: Path, start: str) -> Iterator[Found]:
    """Entities, as candidates."""
    for row in json_rows(path, start):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            name = as_text(member(row.cells, "entity_id", row.where), "entity_id", row.where)
            yield AnswerRetrievalExample(
                name, description_of(row.cells, row.where), (name,), group=name, where=row.where
            )
        except DataError as error:
            yield BadRow(row.id, error.what, where=row.where)


def mention_and_entity(row: FileRow) -> tuple[str, str, str]:
    """Id, mention and description of a row of `wikipedia_pairs`.

    Raises:
        DataError: something is missing, or the mention is in no single sentence.
    """
    pair = member(row.cells, "contextual_mention", row.where)
    mention = member(pair, "mention", row.where)
    name = as_text(member(mention, "example_id", row.where), "example_id", row.where)
    text = mention_text(member(pair, "context", row.where), mention, row.where)
    return name, text, description_of(member(row.cells, "entity", row.where), row.where)


def mention_text(article: Any, mention: Any, where: str) -> str:
    """A mention, and its sentence with the mention in braces, as an encoder reads it.

    Raises:
        DataError: something is missing, or the mention is in no single sentence.
    """
    text = as_text(member(article, "text", where), "text", where)
    if not text.strip():
        raise DataError(
            NO_ARTICLE, where=where, todo="use the files that get-mewsli-x.sh has added texts to"
        )
    span = member(mention, "mention_span", where)
    start, end = _span(span, text, where)
    name = as_text(member(span, "text", where), "text", where)
    if text[start:end] != name:
        raise DataError("mention_span has another text than the article", where=where)
    for first, last in _spans(article, text, where):
        if first <= start and end <= last:
            left, right = (
                MARKED.sub(r"(\1)", part) for part in (text[first:start], text[end:last])
            )
            return _one_line(f"{name}: {left} {{ {name} }} {right}")
    raise DataError(CROSSES_SENTENCES, where=where)


def description_of(entity: Any, where: str) -> str:
    """The sentences of an entity's description.

    Raises:
        DataError: something is missing.
    """
    text = as_text(member(entity, "description", where), "description", where)
    return _one_line(" ".join(text[start:end] for start, end in _spans(entity, text, where)))


def _query(
    article: Any, mention: Any, fallback: str, where: str, labels: Mapping[str, str]
) -> Found:
    try:
        name = as_text(member(mention, "example_id", where), "example_id", where)
        entity = as_text(member(mention, "entity_id", where), "entity_id", where).strip()
        entity = entity or labels.get(name, "")
        keys = (entity,) if entity else ()
        text = mention_text(article, mention, where)
    except DataError as error:
        return BadRow(fallback, error.what, where=where)
    return AnswerRetrievalExample(name, text, keys, group=entity or name, where=where)


def labels_file(split: str, language: str) -> str:
    """The file with the entities of a split's mentions, below the folder of Mewsli-X."""
    return f"wikinews_labels/{split}-{language}.json"


def _labels(path: Path) -> dict[str, str]:
    """Mention → entity, from the file of labels; empty if there is none."""
    file = path.parent.parent / "wikinews_labels" / f"{path.stem}.json"
    if path.parent.name != "wikinews_mentions" or not file.is_file():
        return {}
    try:
        tree = json.loads(file.read_text(encoding="utf-8-sig"))
        return {name: str(found[0]).strip() for name, found in tree.items()}
    except (ValueError, AttributeError, IndexError, TypeError, KeyError) as error:
        raise DataError(
            "not one JSON object of {mention: [entity]}", where=str(file), todo="correct the file"
        ) from error


def _spans(item: Any, text: str, where: str) -> list[tuple[int, int]]:
    listed = member(item, "sentence_spans", where)
    if not isinstance(listed, list):
        raise DataError("'sentence_spans' is not a list", where=where)
    return [_span(span, text, where) for span in listed]


def _span(span: Any, text: str, where: str) -> tuple[int, int]:
    start, end = (as_offset(member(span, name, where), name, where) for name in ("start", "end"))
    if start is None or end is None or not 0 <= start < end <= len(text):
        raise DataError("a span outside its text", where=where)
    return start, end


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()).replace("  ", " ").strip()
