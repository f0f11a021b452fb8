"""Which texts of a row are translated, and the row that their translations make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.core.errors import ConfigError
from xstilts.translate.answer_alignment import locate_answer

Row = dict[str, Any]

FIELDS: dict[str, tuple[str, ...]] = {
    "classification": ("text", "text_pair"),
    "masked_lm": ("text",),
    "multiple_choice": ("text", "choices"),
    "retrieval": ("text",),
    "span": ("question", "context", "answers"),
}
NO_TRANSLATION, NOT_FOUND = "no translation", "answer not in the translated context"


def fields_of(kind: str) -> tuple[str, ...]:
    """The columns of a format that hold texts.

    Raises:
        ConfigError: the format's labels cannot follow a translation.
    """
    if kind == "tagging":
        raise ConfigError(
            "tagging data cannot be translated: its labels belong to words, and a translation "
            "has other words in another order",
            where="intermediate",
            todo="translate a task whose labels belong to whole texts, or whose answers are spans",
        )
    if kind not in FIELDS:
        raise ConfigError(
            f"{kind} data cannot be translated",
            where="intermediate",
            todo=f"formats that can be: {', '.join(FIELDS)}",
        )
    return FIELDS[kind]


def texts_of(row: Row, kind: str) -> Iterator[str]:
    """The texts of a row; blank ones are left alone."""
    for name in fields_of(kind):
        value = row.get(name)
        for text in value if isinstance(value, list) else [value]:
            if text is not None and text.strip():
                yield text


def translated(
    row: Row, kind: str, found: Mapping[str, str], target: str
) -> tuple[Row | None, str]:
    """The row in the target language, or none and why."""
    if not all(found[text] for text in texts_of(row, kind)):
        return None, NO_TRANSLATION
    made = {**row, **{name: _of(row.get(name), found) for name in fields_of(kind) if name in row}}
    if kind != "span" or not row["answers"]:
        return made, ""
    return _pointed(row, made, target)


def _of(value: str | Sequence[str] | None, found: Mapping[str, str]) -> Any:
    if value is None or isinstance(value, str):
        return found.get(value, value) if value else value
    return [found.get(text, text) for text in value]


def _pointed(row: Row, made: Row, target: str) -> tuple[Row | None, str]:
    """The row with its answers as they stand in the translated context."""
    spans = [
        locate_answer(answer, original, made["context"], start / len(row["context"]), target)
        for answer, original, start in zip(
            made["answers"], row["answers"], row["starts"], strict=True
        )
    ]
    if spans[0] is None:
        return None, NOT_FOUND
    kept = [span for span in spans if span is not None]
    answers = [made["context"][start:end] for start, end in kept]
    return {**made, "answers": answers, "starts": [start for start, _ in kept]}, ""
