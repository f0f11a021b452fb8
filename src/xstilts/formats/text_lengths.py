"""Words, sub-words and unknown tokens of examples, as counts per example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.formats.base import Example
from xstilts.formats.spec import FormatSpec

NO_TEXTS = ("id", "where", "group", "keys", "image", "images")
"""Fields of examples that the encoder does not read as text."""


@dataclass(frozen=True)
class TextLengths:
    """Counts of a sample of examples, all their texts together, without special tokens.

    Args:
        words: per example, separated by white space; of tagged sentences, their words.
        subwords: per example.
        unknown: sub-words of the sample that the tokenizer does not know.
    """

    words: tuple[int, ...]
    subwords: tuple[int, ...]
    unknown: int

    @property
    def unknown_rate(self) -> float:
        """Share of the sub-words that are unknown; 0 without sub-words."""
        return self.unknown / max(1, sum(self.subwords))

    @property
    def subwords_per_word(self) -> float:
        """Mean sub-words of a word; 0 without words."""
        return sum(self.subwords) / sum(self.words) if any(self.words) else 0.0


def text_lengths(examples: Sequence[Example], spec: FormatSpec, tokenizer: Any) -> TextLengths:
    """The lengths of examples before they are cut at the recipe's `max_length`."""
    words, subwords, unknown = list[int](), list[int](), 0
    tagged = spec.class_of == "word"  # the tokens are the words, also those with spaces within
    for example in examples:
        read = list(_read_texts(example, spec))
        texts = [text if isinstance(text, str) else " ".join(text) for text in read]
        words.append(sum(map(len, read)) if tagged else sum(len(text.split()) for text in texts))
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        subwords.append(sum(map(len, ids)))
        if tokenizer.unk_token_id is not None:
            unknown += sum(row.count(tokenizer.unk_token_id) for row in ids)
    return TextLengths(tuple(words), tuple(subwords), unknown)


def _read_texts(example: Example, spec: FormatSpec) -> Iterator[str | Sequence[str]]:
    """The texts that the encoder reads of an example, and its lists of texts, such as tokens."""
    gold = spec.gold.column if spec.gold else ""
    for name in example.__dataclass_fields__:
        value = getattr(example, name)
        if name in NO_TEXTS or (name == gold and not spec.search):
            continue
        several = value if isinstance(value, list | tuple) else ()
        if isinstance(value, str) or (several and all(isinstance(x, str) for x in several)):
            yield value
