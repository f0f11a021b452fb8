"""The text of a predicted answer, by the rule of XTREME's and jiant's scripts.

xstilts cuts an answer from the context by the characters of its first and last sub-word. The
scripts take the white-space words around the sub-words and look for the decoded sub-words in them,
both split as BERT does. If they are found, the answer is these characters of the words, else all
words: for SentencePiece vocabularies that includes every answer with two Han characters in one
sub-word. jiant therefore takes the decoded sub-words in Chinese.

Source: `compute_predictions_logits` and `get_final_text` of transformers 2.4 (XTREME), and
`compute_predictions_logits_v3` of jiant 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from xstilts.formats.basic_tokenization import basic_tokens

AnswerRule = Literal["words", "decoded"]
"""The words around the sub-words, aligned with these; or the decoded sub-words."""
ANSWER_TEXT, CHANGED_ANSWERS = "answer_text", "changed_answers"
"""The parameter of predictions with the rule; the fact with the number of texts it changed."""
WORD = re.compile("[^ \t\r\n\u202f]+")
"""A white-space word in transformers' SQuAD examples; other spaces are parts of words."""


class AnswerSpan(NamedTuple):
    """Characters `start` to `end` of a context, and the ids of the sub-words that cover them."""

    context: str
    start: int
    end: int
    ids: tuple[int, ...]

    @property
    def text(self) -> str:
        """The characters without outer white space."""
        return self.context[self.start : self.end].strip()


NO_SPAN = AnswerSpan("", 0, 0, ())
"""The answer to a question without an answer."""


def answer_text(span: AnswerSpan, rule: AnswerRule, tokenizer: Any) -> str:
    """The text of an answer by the rule of XTREME's or jiant's scripts; "" without sub-words."""
    if not span.ids:
        return ""
    decoded = " ".join(decoded_subwords(span, tokenizer).split())
    if rule == "decoded":
        return decoded
    words = " ".join(surrounding_words(span.context, span.start, span.end))
    return align_with_words(decoded, words, lower_case=lower_cases(tokenizer))


def surrounding_words(context: str, start: int, end: int) -> list[str]:
    """The white-space words with characters in [start, end).

    A last sub-word that is white space alone, as in SentencePiece, is part of the next word.
    """
    words = list(WORD.finditer(context))
    if not WORD.match(context, end - 1):
        end = next((word.start() + 1 for word in words if word.start() >= end), end)
    return [word.group() for word in words if word.start() < end and word.end() > start]


def align_with_words(answer: str, words: str, *, lower_case: bool) -> str:
    """The characters of `words` that are `answer` after basic tokenization; else all of them.

    Source: transformers' `get_final_text`.
    """
    tokens = " ".join(basic_tokens(words, lower_case=lower_case))
    start = tokens.find(answer)
    in_words, in_tokens = _visible(words), _visible(tokens)
    if start < 0 or len(in_words) != len(in_tokens):
        return words
    rank = {position: number for number, position in enumerate(in_tokens)}
    first, last = rank.get(start), rank.get(start + len(answer) - 1)
    if first is None or last is None:
        return words
    return words[in_words[first] : in_words[last] + 1]


def _visible(text: str) -> list[int]:
    return [position for position, char in enumerate(text) if char != " "]


def decoded_subwords(span: AnswerSpan, tokenizer: Any) -> str:
    """The sub-words as text, without the cleaning of spaces that fast tokenizers add.

    A tokenizer without a decoder gives the characters of the context.
    """
    tokens: Sequence[str] = tokenizer.convert_ids_to_tokens(list(span.ids))
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and backend.decoder is None:
        return span.text
    if _is_word_piece(backend):
        return " ".join(tokens).replace(" ##", "")
    return str(tokenizer.convert_tokens_to_string(tokens))


def lower_cases(tokenizer: Any) -> bool:
    """Whether a WordPiece tokenizer makes texts lower case; XTREME assumes no for all others."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if not _is_word_piece(backend) or backend.normalizer is None:
        return False
    return str(backend.normalizer.normalize_str("A")) == "a"


def _is_word_piece(backend: Any) -> bool:
    return type(getattr(backend, "decoder", None)).__name__ == "WordPiece"
