"""Windows of questions with their texts, and the sub-words of the answers in them.

Sizes and rules are those of `formats.span`.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from typing import Any

from xstilts.formats.base import IGNORED, Feature, Row, TokenizationConfig
from xstilts.formats.text_features import SEPARATOR, joins_pairs

NO_ANSWER, UNREAD = [0, 0], [IGNORED, IGNORED]
"""Targets of windows without the answer, and of those of an answer that cannot be read."""


def read_windows(rows: Sequence[Row], tokenizer: Any, config: TokenizationConfig) -> list[Feature]:
    """The windows of each row, in the order of the rows."""
    by_length: dict[int, list[tuple[int, str]]] = defaultdict(list)
    joined = joins_pairs(tokenizer)
    for number, row in enumerate(rows):
        question, length = _cut_question(
            row["question"], tokenizer, min(config.question_length, config.max_length // 3)
        )
        if joined:
            question += SEPARATOR
            length = len(tokenizer(question, add_special_tokens=False)["input_ids"])
        by_length[length].append((number, question))
    windows: dict[int, list[Feature]] = defaultdict(list)
    added = tokenizer.num_special_tokens_to_add(pair=True)
    for length, questions in by_length.items():
        size = config.max_length - length - added
        encoded = tokenizer(
            [question for _, question in questions],
            [rows[number]["context"] for number, _ in questions],
            truncation="only_second",
            max_length=config.max_length,
            stride=size - min(config.stride, max(1, size * 3 // 4)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_token_type_ids=True,
        )
        segment = _segment(encoded)
        for position, sample in enumerate(encoded["overflow_to_sample_mapping"]):
            number = questions[sample][0]
            windows[number].append(_window(rows[number], encoded, position, segment))
    return [
        part
        for number, row in enumerate(rows)
        for part in _max_context_windows(_with_targets(row, windows[number]))
    ]


def _cut_question(question: str, tokenizer: Any, limit: int) -> tuple[str, int]:
    """The beginning of a question that fits, and its number of sub-words."""
    encoded = tokenizer(question.lstrip(), add_special_tokens=False, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    if len(offsets) <= limit:
        return question.lstrip(), len(offsets)
    # one character can be several sub-words (½): all of them are removed
    end = min(offsets[limit - 1][1], offsets[limit][0])
    return _cut_question(question.lstrip()[:end], tokenizer, limit)


def _segment(encoded: Any) -> int:
    """The segment id of the context in the first window that has a sub-word of one; else 0.

    In the further windows of a text `tokenizers` sets segment 1, regardless of the template;
    encoders of the RoBERTa family have no such segment.
    """
    for number, types in enumerate(encoded["token_type_ids"]):
        parts = encoded.sequence_ids(number)
        if 1 in parts:
            return int(types[parts.index(1)])
    return 0


def _window(row: Row, encoded: Any, number: int, segment: int) -> Feature:
    """A window whose target is not set yet."""
    in_context = [part == 1 for part in encoded.sequence_ids(number)]
    pieces = encoded["offset_mapping"][number]
    types = [
        segment if inside else own
        for own, inside in zip(encoded["token_type_ids"][number], in_context, strict=True)
    ]
    offsets = tuple(
        tuple(piece) if inside else (-1, -1)
        for piece, inside in zip(pieces, in_context, strict=True)
    )
    ids = encoded["input_ids"][number]
    return Feature(row["id"], ids, types, NO_ANSWER, offsets=offsets, context=row["context"])


def _with_targets(row: Row, windows: Sequence[Feature]) -> list[Feature]:
    """The windows of a row, each with the first and last sub-word of the first answer.

    Windows without the complete answer point at their first token. If no sub-word of the text has
    a part in the answer, none is trained on, because "no answer" would be wrong.
    """
    if not row["answers"] or not row["answers"][0]:
        return list(windows)
    every = {piece for window in windows for piece in window.offsets if piece[0] >= 0}
    start, end = _visible_bounds(row, every)
    pieces = {(a, b) for a, b in every if a < end and b > start}
    if not pieces:
        return [replace(window, target=UNREAD) for window in windows]
    first, last = min(a for a, _ in pieces), max(b for _, b in pieces)
    return [
        replace(window, target=_target(window.offsets, max(start, first), min(end, last)))
        for window in windows
    ]


def _visible_bounds(row: Row, pieces: Set[tuple[int, int]]) -> tuple[int, int]:
    """The bounds of the first answer without white space and, if it has no sub-word, the invisible.

    The sub-word of the next word often begins with these: it has no part in the answer.
    """
    context, start = row["context"], row["starts"][0]
    end = first_end = start + len(row["answers"][0])
    first_start = start
    while start < end and _is_invisible(context[start]):
        start += 1
    while start < end and _is_invisible(context[end - 1]):
        end -= 1
    if start == end:
        return first_start, first_end
    own = [
        (a, b)
        for a, b in pieces
        if a < b and (first_start <= a < b <= start or end <= a < b <= first_end)
        if context[a:b].strip()
    ]
    return min([start, *(a for a, _ in own)]), max([end, *(b for _, b in own)])


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def _target(offsets: Sequence[tuple[int, int]], start: int, end: int) -> list[int]:
    """First and last sub-word of the characters of an answer; `NO_ANSWER` if some are outside."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and a >= 0]
    if not inside or offsets[inside[0]][0] > start or offsets[inside[-1]][1] < end:
        return NO_ANSWER
    return [inside[0], inside[-1]]


def _max_context_windows(windows: Sequence[Feature]) -> Iterator[Feature]:
    """The windows; `words` are the sub-words at which an answer may start.

    A sub-word that occurs in several windows belongs to the window with the most context on its
    shorter side; ties go to the first window.
    """
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for number, window in enumerate(windows):
        inside = [i for i, (start, _) in enumerate(window.offsets) if start >= 0]
        for position in inside:
            context = min(position - inside[0], inside[-1] - position) + 0.01 * len(inside)
            piece = window.offsets[position]
            if piece not in best or context > best[piece][0]:
                best[piece] = context, number
    for number, window in enumerate(windows):
        starts = tuple(
            position
            for position, piece in enumerate(window.offsets)
            if piece[0] >= 0 and best[piece][1] == number
        )
        yield replace(window, words=starts)
