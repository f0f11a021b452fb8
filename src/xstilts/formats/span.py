"""Extractive question answering: the answer is a span of a text. SQuAD, XQuAD, MLQA, TyDiQA.

A long text is read in windows that move on by 128 sub-words, each with the question before it.
Every window is a training example; one without the complete answer points at its first
token. The answer is the best span of any window, cut from the text by character offsets.
Source: transformers' `squad_convert_examples_to_features` and `compute_predictions_logits`,
which jiant and XTREME use; the sizes are those of jiant's XTREME scripts.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.formats.answer_alignment import locate_answer
from xstilts.formats.answer_candidates import best_answer, best_candidate
from xstilts.formats.base import (
    IGNORED,
    BadRow,
    Example,
    Feature,
    HeadShape,
    Row,
    TokenizationConfig,
)
from xstilts.formats.checks import text_problems
from xstilts.formats.classification import class_targets
from xstilts.formats.gold_logits import labelled_logits
from xstilts.formats.spec import (
    BaselineSpec,
    FileSpec,
    FormatSpec,
    GoldLogits,
    GoldSpec,
    Labels,
    Problem,
    TrainingSpec,
    TranslationSpec,
    all_blank,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

UNANSWERABLE = "unanswerable"
"""The label of span tasks with unanswerable questions, as in SQuAD v2.0."""
ANSWER_NOT_FOUND = "answer not in the translated context"
WITHOUT_SUBWORD = "answer without a sub-word, not trained on"
NO_ANSWER, UNREAD = [0, 0], [IGNORED, IGNORED]
"""Targets of windows without the answer, and of those of an answer that cannot be read."""


@dataclass(frozen=True)
class SpanExample:
    """A question whose answers are spans of a text (format `span`).

    `starts` are the character offsets of the `answers` in `context`; a question without answers
    is unanswerable.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    where: str | None = None


def _squad(path: Path, start: str) -> Iterable[Example | BadRow]:
    from xstilts.formats.io.squad import read_squad

    return read_squad(path, start)


def _problems(example: SpanExample, labels: frozenset[str], split: str) -> Iterator[Problem]:
    yield from text_problems((example.question, example.context))
    if split != "test" and not example.answers and UNANSWERABLE not in labels:
        yield "no answer", "only tasks with the label unanswerable may have none"
    for answer, start in zip(example.answers, example.starts, strict=True):
        if split == "test" and (start < 0 or not answer.strip()):
            continue  # enough to be scored
        if example.context[max(start, 0) :][: len(answer)] != answer:
            yield _not_in_context(answer, example.context)


def _not_in_context(answer: str, context: str) -> Problem:
    normalized = unicodedata.normalize("NFC", answer), unicodedata.normalize("NFC", context)
    if answer not in context and normalized[0] in normalized[1]:
        return "answer and context differ in Unicode normalisation (NFC, NFD)", repr(answer)
    return "answer not in its context", repr(answer)


def _row_is_blank(answers: Any, labels: Labels) -> bool:
    """Whether answers were removed; in tasks with unanswerable questions a blank one is one."""
    return bool(answers) and not any(map(str.strip, answers)) and UNANSWERABLE not in labels


def _content(example: SpanExample) -> object:
    return example.question, example.context


def _first_answer(answers: Sequence[str]) -> str:
    return answers[0] if answers else ""


def _most_frequent_answer(gold: Sequence[Any]) -> str:
    return str(Counter(map(_first_answer, gold)).most_common(1)[0][0])


def _input_only(row: Row) -> Row:
    """The text without the question."""
    return {**row, "question": ""}


def _locate_answers(row: Row, translated: Row, language: str) -> tuple[Row | None, str]:
    """The translated row with its answers located in its context; none without the first one."""
    if not row["answers"]:
        return translated, ""
    context = translated["context"]
    spans = [
        locate_answer(answer, original, context, start / len(row["context"]), language)
        for answer, original, start in zip(
            translated["answers"], row["answers"], row["starts"], strict=True
        )
    ]
    if spans[0] is None:
        return None, ANSWER_NOT_FOUND
    kept = [span for span in spans if span is not None]
    answers = [context[start:end] for start, end in kept]
    return {**translated, "answers": answers, "starts": [start for start, _ in kept]}, ""


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """The windows of each row, in the order of the rows."""
    by_length: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for number, row in enumerate(rows):
        question, length = _cut_question(
            row["question"], tokenizer, min(config.question_length, config.max_length // 3)
        )
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


def _without_subword(
    rows: Sequence[Row], features: Sequence[Feature]
) -> Iterator[tuple[str, Problem]]:
    """The rows with an answer that no sub-word of the text has a part in."""
    unread = {feature.id for feature in features if feature.target == UNREAD}
    for row in rows:
        if row["id"] in unread:
            yield row["id"], (WITHOUT_SUBWORD, ascii(row["answers"][0]))


def _head(width: int, shape: HeadShape) -> nn.Module:
    """Two outputs per sub-word: start and end."""
    from xstilts.models.heads import SpanHead

    return SpanHead(width, shape.dropout)


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of start and end [b, 2], summed over both."""
    from torch.nn import functional

    return functional.cross_entropy(
        logits.float().transpose(1, 2).flatten(0, 1), targets.flatten(), reduction="sum"
    )


def _predictions(
    logits: Tensor, features: Sequence[Feature], _labels: Labels, config: TokenizationConfig
) -> list[Any]:
    """The best candidate of each window."""
    return [
        best_candidate(row, feature, config) for row, feature in zip(logits, features, strict=True)
    ]


def _aggregate(
    features: Sequence[Feature],
    predictions: Sequence[Any],
    labels: Labels,
    config: TokenizationConfig,
) -> list[Any]:
    """The answer to each question, in the order of the rows; "" for none."""
    windows = zip(features, predictions, strict=True)
    grouped = groupby(windows, key=lambda window: window[0].id)
    may_abstain = UNANSWERABLE in labels
    return [
        best_answer([best for _, best in group], config, may_abstain=may_abstain)
        for _, group in grouped
    ]


def _gold_logits(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    """Two choices, start and end, among the sub-words of the window."""
    return [
        labelled_logits(row[: len(feature.ids)].T, feature.target)
        for row, feature in zip(logits, features, strict=True)
    ]


def _gold_options(feature: Feature, _labels: Labels) -> tuple[int, int]:
    assert isinstance(feature.target, list)
    return sum(target >= 0 for target in feature.target), len(feature.ids)


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
    """The segment id of the context in the first window.

    In all other windows `tokenizers` sets segment 1, regardless of the template; encoders of the
    RoBERTa family have no such segment.
    """
    segment: int = encoded["token_type_ids"][0][encoded.sequence_ids(0).index(1)]
    return segment


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


def _metrics(labels: Labels) -> tuple[str, ...]:
    """The rules of SQuAD v2.0 if questions may have no answer."""
    return ("qa_mean_v2", "exact_match_v2", "token_f1_v2") if UNANSWERABLE in labels else ()


SPAN = FormatSpec(
    name="span",
    version=3,
    example=SpanExample,
    metrics=("qa_mean", "exact_match", "token_f1"),
    label_metrics=_metrics,
    tokenization_fields=(
        *("max_length", "stride", "question_length"),
        *("n_best", "answer_length", "null_threshold"),
    ),
    files=FileSpec(readers={".json": _squad}, shuffled=True),
    problems=_problems,
    content=_content,
    gold=GoldSpec(
        "answers", is_blank=all_blank, row_is_blank=_row_is_blank, as_prediction=_first_answer
    ),
    translation=TranslationSpec(("question", "context", "answers"), _locate_answers),
    input_only=_input_only,
    baseline=BaselineSpec(_most_frequent_answer),
    features=_features,
    feature_problems=_without_subword,
    training=TrainingSpec(
        head=_head,
        targets=class_targets,
        loss=_loss,
        predictions=_predictions,
        aggregate=_aggregate,
        gold_logits=_gold_logits,
        gold_options=_gold_options,
    ),
)
