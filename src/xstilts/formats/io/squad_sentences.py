"""Sentences that answer questions: SQuAD's JSON with `sentence_breaks` (XQuAD-R, MLQA-R).

The rules are those of `load_data` of XTREME-R's utils_lareqa.py: every sentence of a paragraph with
questions is a candidate, and a right answer if its text is that of the sentence in which the
answer starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats.answer_retrieval import AnswerRetrievalExample
from xstilts.formats.base import BadRow
from xstilts.formats.io.cells import NOT_UNICODE, as_offset, as_text, is_unicode
from xstilts.formats.io.squad import member, members, paragraphs, read_tree

IN_NO_SENTENCE = "answer in no sentence"
FORM = "the file must be in LAReQA's form: SQuAD's with `sentence_breaks` in each paragraph"

Found = AnswerRetrievalExample | BadRow


def sentence_questions(path: Path, _start: str) -> Iterator[Found]:
    """The questions of a file; questions whose answer starts in no sentence are bad rows."""
    for paragraph, where in paragraphs(read_tree(path), path):
        if isinstance(paragraph, BadRow):
            yield paragraph
            continue
        yield from _unless_malformed(_questions(paragraph, where), where)


def sentence_candidates(language: str, path: Path, _start: str) -> Iterator[Found]:
    """The sentences of all paragraphs that have questions, each with its paragraph as context."""
    for number, (paragraph, where) in enumerate(paragraphs(read_tree(path), path), start=1):
        if not isinstance(paragraph, BadRow):  # which the questions name
            name = f"{language}_{number}"
            yield from _unless_malformed(_candidates(name, paragraph, where), where)


def _unless_malformed(examples: Iterator[Found], where: str) -> Iterator[Found]:
    """The examples of a paragraph, up to the first thing that cannot be read, a bad row."""
    try:
        for example in examples:
            if isinstance(example, BadRow) or is_unicode((example.text, example.context)):
                yield example
            else:
                yield BadRow(example.id, NOT_UNICODE, where=where)
    except DataError as error:
        yield BadRow(where.rpartition(": ")[2], error.what, where=where)


def _questions(paragraph: Any, where: str) -> Iterator[Found]:
    sentences, group = _sentences(paragraph, where), _group(paragraph, where)
    for name, question, answer, inner in _asked(paragraph, where):
        if _sentence_of(sentences, answer) is None:
            yield BadRow(name, IN_NO_SENTENCE, where=inner)
            continue
        yield AnswerRetrievalExample(name, question, (name,), group=group, where=inner)


def _candidates(start: str, paragraph: Any, where: str) -> Iterator[Found]:
    context = as_text(member(paragraph, "context", where), "context", where)
    sentences, group = _sentences(paragraph, where), _group(paragraph, where)
    keys: dict[str, list[str]] = {}
    asked = False
    for name, _, answer, _ in _asked(paragraph, where):
        sentence = _sentence_of(sentences, answer)
        if sentence is not None:
            keys.setdefault(sentence, []).append(name)
            asked = True
    for position, (_, _, sentence) in enumerate(sentences if asked else ()):
        yield AnswerRetrievalExample(
            f"{start}_{position}",
            sentence,
            tuple(keys.get(sentence, ())),
            context,
            group,
            f"{where}.sentence_breaks[{position}]",
        )


def _asked(paragraph: Any, where: str) -> Iterator[tuple[str, str, int, str]]:
    """Id, question, start of the first answer, and position in the tree."""
    for count, question in enumerate(members(paragraph, "qas", where)):
        inner = f"{where}.qas[{count}]"
        if isinstance(question, BadRow):
            raise DataError(question.problem, where=where, todo=FORM)
        answers = member(question, "answers", inner)
        if not isinstance(answers, list) or not answers:
            raise DataError("no answer", where=inner, todo=FORM)
        start = as_offset(member(answers[0], "answer_start", inner), "answer_start", inner)
        yield (
            as_text(member(question, "id", inner), "id", inner),
            as_text(member(question, "question", inner), "question", inner),
            -1 if start is None else start,
            inner,
        )


def _group(paragraph: Any, where: str) -> str:
    """The id of the first question, which a paragraph shares with its translations."""
    return next(_asked(paragraph, where), ("", "", 0, ""))[0]


Sentence = tuple[int, int, str]
"""Start and end in the paragraph, and the text."""


def _sentences(paragraph: Any, where: str) -> list[Sentence]:
    context = as_text(member(paragraph, "context", where), "context", where)
    sentences = []
    for span in members(paragraph, "sentence_breaks", where):
        if isinstance(span, BadRow) or not isinstance(span, list) or len(span) != 2:
            raise DataError("no 'sentence_breaks' of [start, end]", where=where, todo=FORM)
        start, end = (as_offset(number, "sentence_breaks", where) or 0 for number in span)
        if not 0 <= start < end <= len(context):
            raise DataError(f"a sentence outside its paragraph: {span}", where=where, todo=FORM)
        sentences.append((start, end, context[start:end]))
    return sentences


def _sentence_of(sentences: Sequence[Sentence], position: int) -> str | None:
    """The text of the sentence with a position; None if there is none."""
    return next((text for start, end, text in sentences if start <= position < end), None)
