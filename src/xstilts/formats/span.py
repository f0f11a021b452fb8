"""The answer to a question is a stretch of a text: SQuAD, XQuAD, MLQA, TyDiQA.

A long text is read in windows that move on by 128 sub-words, each with the question before it.
Every window is a training example; one that does not hold the whole answer points at its first
token. The answer is the best stretch of any window, cut from the text itself by offsets.
Source: transformers' `squad_convert_examples_to_features` and `compute_predictions_logits`,
which jiant and XTREME use; the sizes are those of jiant's XTREME scripts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from xstilts.formats.base import Feature, Row, TokenizationConfig, any_position

if TYPE_CHECKING:
    from torch import Tensor, nn

UNANSWERABLE = "unanswerable"
"""A span task with this label may answer nothing, as in SQuAD v2.0."""


class Candidate(NamedTuple):
    """A window's best answer, and the score of its first token, which means none."""

    score: float
    text: str
    null_score: float


@dataclass(frozen=True)
class SpanExample:
    """A question whose answers are stretches of a text (format `span`).

    `starts` are the characters of `context` at which the `answers` begin; no answer at all
    means that the text does not answer the question.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    where: str | None = None


class Span:
    """Start and end of the answer, each a choice among the sub-words of a window."""

    tied = False
    positions = staticmethod(any_position)

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """The windows of each row, in the order of the rows."""
        by_question = defaultdict(list)
        for place, row in enumerate(rows):
            question, size = _context_windows(
                row["question"], tokenizer, min(reading.question_length, reading.max_length // 3)
            )
            by_question[size].append((place, question))
        found: dict[int, list[Feature]] = defaultdict(list)
        added = tokenizer.num_special_tokens_to_add(pair=True)
        for size, asked in by_question.items():
            window = reading.max_length - size - added
            encoded = tokenizer(
                [question for _, question in asked],
                [rows[place]["context"] for place, _ in asked],
                truncation="only_second",
                max_length=reading.max_length,
                stride=window - min(reading.stride, max(1, window * 3 // 4)),
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
                return_token_type_ids=True,
            )
            segment = _segment(encoded)
            for number, sample in enumerate(encoded["overflow_to_sample_mapping"]):
                place = asked[sample][0]
                found[place].append(_window(rows[place], encoded, number, segment))
        return [part for place in range(len(rows)) for part in _max_context_windows(found[place])]

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A linear head with two outputs per sub-word: start and end."""
        from xstilts.models.heads import SpanHead

        return SpanHead(width, dropout)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b, 2] start and end of the answer among the sub-words."""
        import torch

        return torch.tensor([feature.target for feature in features])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of start and end, summed over both."""
        from torch.nn import functional

        return functional.cross_entropy(
            logits.float().transpose(1, 2).flatten(0, 1), targets.flatten(), reduction="sum"
        )

    def predictions(
        self,
        logits: Tensor,
        features: Sequence[Feature],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """The best candidate of each window."""
        return [
            _best_candidates(part, feature, reading)
            for part, feature in zip(logits, features, strict=True)
        ]

    def aggregate(
        self,
        features: Sequence[Feature],
        predictions: Sequence[Any],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """The answer to each question, in the order of the rows; "" for none."""
        windows = zip(features, predictions, strict=True)
        grouped = groupby(windows, key=lambda window: window[0].id)
        return [_answer([found for _, found in group], labels, reading) for _, group in grouped]


def _context_windows(question: str, tokenizer: Any, most: int) -> tuple[str, int]:
    """The beginning of a question that fits, and its number of sub-words."""
    encoded = tokenizer(question.lstrip(), add_special_tokens=False, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    if len(offsets) <= most:
        return question.lstrip(), len(offsets)
    # one character can be several sub-words (½): then it is left out whole
    end = min(offsets[most - 1][1], offsets[most][0])
    return _context_windows(question.lstrip()[:end], tokenizer, most)


def _segment(encoded: Any) -> int:
    """The segment of the contexts, as the first window has it.

    In all others tokenizers gives them segment 1, whatever the template says; encoders of the
    RoBERTa family have none of that number.
    """
    segment: int = encoded["token_type_ids"][0][encoded.sequence_ids(0).index(1)]
    return segment


def _window(row: Row, encoded: Any, number: int, segment: int) -> Feature:
    inside = [part == 1 for part in encoded.sequence_ids(number)]
    pieces = encoded["offset_mapping"][number]
    types = [
        segment if held else own
        for own, held in zip(encoded["token_type_ids"][number], inside, strict=True)
    ]
    offsets = tuple(
        tuple(piece) if held else (-1, -1) for piece, held in zip(pieces, inside, strict=True)
    )
    return Feature(
        row["id"],
        encoded["input_ids"][number],
        types,
        _target(row, offsets),
        offsets=offsets,
        context=row["context"],
    )


def _target(row: Row, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """First and last sub-word of the first answer; [0, 0] if it is not wholly inside."""
    if not row["answers"] or not row["answers"][0]:
        return [0, 0]
    start = row["starts"][0]
    end = start + len(row["answers"][0])
    held = [place for place, (a, b) in enumerate(offsets) if a < end and b > start and a >= 0]
    if not held or offsets[held[0]][0] > start or offsets[held[-1]][1] < end:
        return [0, 0]
    return [held[0], held[-1]]


def _max_context_windows(windows: Sequence[Feature]) -> Iterator[Feature]:
    """Windows that know which sub-words an answer may start at.

    A sub-word in several windows counts in the one that gives it the most context on its
    poorer side, the first of equals; elsewhere no answer starts there.
    """
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for number, window in enumerate(windows):
        held = [place for place, (start, _) in enumerate(window.offsets) if start >= 0]
        for place in held:
            room = min(place - held[0], held[-1] - place) + 0.01 * len(held)
            piece = window.offsets[place]
            if piece not in best or room > best[piece][0]:
                best[piece] = room, number
    for number, window in enumerate(windows):
        mine = tuple(
            place
            for place, piece in enumerate(window.offsets)
            if piece[0] >= 0 and best[piece][1] == number
        )
        yield replace(window, words=mine)


def _best_candidates(logits: Tensor, feature: Feature, reading: TokenizationConfig) -> Candidate:
    """The stretch with the largest sum of start and end, among the best of each."""
    start, end = logits[: len(feature.ids)].T
    allowed = frozenset(feature.words)
    best, place = float("-inf"), (0, 0)
    starts, ends = (part.topk(min(reading.n_best, len(part))) for part in (start, end))
    for first, one in zip(starts.indices.tolist(), starts.values.tolist(), strict=True):
        for last, other in zip(ends.indices.tolist(), ends.values.tolist(), strict=True):
            fits = first in allowed and feature.offsets[last][0] >= 0
            if fits and first <= last < first + reading.answer_length and one + other > best:
                best, place = one + other, (first, last)
    nothing = float(start[0] + end[0])
    if best == float("-inf"):
        return Candidate(best, "", nothing)
    text = feature.context[feature.offsets[place[0]][0] : feature.offsets[place[1]][1]]
    return Candidate(best, text.strip(), nothing)


def _answer(
    windows: Sequence[Candidate], labels: Sequence[str], reading: TokenizationConfig
) -> str:
    """The best window's answer; nothing if that may be and every window prefers it."""
    best = max(windows, key=lambda window: window.score)
    nothing = min(window.null_score for window in windows)
    leads = nothing - best.score > reading.null_threshold
    return "" if UNANSWERABLE in labels and leads else best.text


SPAN = Span()
