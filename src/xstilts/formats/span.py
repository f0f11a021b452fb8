"""Extractive question answering: the answer is a span of a text. SQuAD, XQuAD, MLQA, TyDiQA.

A long text is read in windows that move on by 128 sub-words, each with the question before it.
Every window is a training example; one without the complete answer points at its first
token. The answer is the best span of any window, cut from the text by character offsets or, on
request, by the rule of XTREME's scripts (`formats.answer_text`).
Source: transformers' `squad_convert_examples_to_features` and `compute_predictions_logits`,
which jiant and XTREME use; the sizes are those of jiant's XTREME scripts.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.formats.answer_alignment import locate_answer
from xstilts.formats.answer_candidates import best_answer, best_candidate
from xstilts.formats.answer_text import AnswerSpan, answer_text
from xstilts.formats.base import (
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
from xstilts.formats.span_windows import NO_ANSWER, UNREAD, read_windows
from xstilts.formats.spec import (
    BaselineSpec,
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    TranslationSpec,
    all_blank,
)
from xstilts.formats.text_features import texts_without_subword
from xstilts.formats.training_spec import AnswerTextSpec, GoldLogits, TrainingSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

UNANSWERABLE = "unanswerable"
"""The label of span tasks with unanswerable questions, as in SQuAD v2.0."""
ANSWER_NOT_FOUND = "answer not in the translated context"
WITHOUT_SUBWORD = "answer without a sub-word, not trained on"
IN_NO_WINDOW = "answer that fits in no window"


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
    return not any(map(str.strip, answers)) and UNANSWERABLE not in labels


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
    return read_windows(rows, tokenizer, config)


def _without_subword(
    rows: Sequence[Row], features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """Questions without a sub-word; answers without one, or that no window has all of."""
    yield from texts_without_subword(((row["id"], row["question"]) for row in rows), tokenizer)
    unread = {feature.id for feature in features if feature.target == UNREAD}
    located = {feature.id for feature in features if feature.target != NO_ANSWER}
    for row in rows:
        if row["id"] in unread:
            yield row["id"], (WITHOUT_SUBWORD, ascii(row["answers"][0]))
        elif row["id"] not in located and any(row["answers"][:1]) and row["starts"][0] >= 0:
            yield row["id"], (IN_NO_WINDOW, f"{len(row['answers'][0]):,} characters")


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


def _answer_spans(
    features: Sequence[Feature],
    predictions: Sequence[Any],
    labels: Labels,
    config: TokenizationConfig,
) -> list[AnswerSpan]:
    """The answer to each question, in the order of the rows."""
    windows = zip(features, predictions, strict=True)
    grouped = groupby(windows, key=lambda window: window[0].id)
    may_abstain = UNANSWERABLE in labels
    return [
        best_answer([best for _, best in group], config, may_abstain=may_abstain)
        for _, group in grouped
    ]


def _aggregate(
    features: Sequence[Feature],
    predictions: Sequence[Any],
    labels: Labels,
    config: TokenizationConfig,
) -> list[Any]:
    """The text of the answer to each question; "" for none."""
    return [span.text for span in _answer_spans(features, predictions, labels, config)]


def _gold_logits(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    """Two choices, start and end, among the sub-words of the window."""
    return [
        labelled_logits(row[: len(feature.ids)].T, feature.target)
        for row, feature in zip(logits, features, strict=True)
    ]


def _gold_options(feature: Feature, _labels: Labels) -> tuple[int, int]:
    assert isinstance(feature.target, list)
    return sum(target >= 0 for target in feature.target), len(feature.ids)


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
        answer_text=AnswerTextSpec(_answer_spans, answer_text),
        gold_logits=_gold_logits,
        gold_options=_gold_options,
        pools=False,
    ),
)
