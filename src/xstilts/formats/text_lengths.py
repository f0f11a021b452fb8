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
    for example in examples:
        texts = [text for _, text in texts_of(example, spec)]
        words.append(sum(len(text.split()) for text in texts))
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        subwords.append(sum(map(len, ids)))
        if tokenizer.unk_token_id is not None:
            unknown += sum(row.count(tokenizer.unk_token_id) for row in ids)
    return TextLengths(tuple(words), tuple(subwords), unknown)


def texts_of(example: Example, spec: FormatSpec) -> Iterator[tuple[str, str]]:
    """(field, text) of what the encoder reads of an example; words are joined by spaces."""
    gold = spec.gold.column if spec.gold else ""
    for name in example.__dataclass_fields__:
        value = getattr(example, name)
        if name in NO_TEXTS or (name == gold and not spec.search):
            continue
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, list | tuple) and value and all(isinstance(x, str) for x in value):
            yield name, " ".join(value)
