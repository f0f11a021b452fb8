"""One tag per word, read from the word's first sub-word: POS, NER, slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import IGNORED, Feature, Row, TokenizationConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

OUTSIDE = "O"


@dataclass(frozen=True)
class TaggedExample:
    """One sentence as words with one tag each (format `tagging`; BIO tags mark spans)."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    where: str | None = None


class Tagging:
    """A sentence that is too long is read in several parts, cut between words.

    Source: XTREME's third_party/run_tag.py, which splits; jiant cuts off the end and scores the
    rest. Of a word that is longer than a part, the sub-words that fit are read.
    """

    tied = False

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """Sub-word ids with the tag at each word's first sub-word, -100 elsewhere.

        The parts of a sentence come one after the other and have its id.
        """
        rows = [part for row in rows for part in _parts(row, tokenizer, reading.max_length)]
        if not rows:
            return []
        encoded = tokenizer(
            [list(row["tokens"]) for row in rows],
            is_split_into_words=True,
            truncation=True,
            max_length=reading.max_length,
            return_token_type_ids=True,
        )
        index = {label: number for number, label in enumerate(labels)}
        return [_feature(row, encoded, number, index) for number, row in enumerate(rows)]

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A linear head; pooling plays no part."""
        from xstilts.models.heads import TokenHead

        return TokenHead(width, labels, dropout)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b, tokens] tag indices, -100 where nothing is scored."""
        return tag_targets(features, tokens)

    def positions(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b, tokens] the words' first sub-words."""
        import torch

        found = torch.zeros(len(features), tokens, dtype=torch.bool)
        for row, feature in zip(found, features, strict=True):
            row[[place for place in feature.words if place >= 0]] = True
        return found

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, summed over words."""
        from torch.nn import functional

        return functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def predictions(
        self,
        logits: Tensor,
        features: Sequence[Feature],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """One tag per word of each example."""
        best = logits.argmax(-1).tolist()
        return [_tags(line, feature, labels) for line, feature in zip(best, features, strict=True)]

    def aggregate(
        self,
        features: Sequence[Feature],
        predictions: Sequence[Any],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """The tags of each sentence, those of its parts joined."""
        parts = zip(features, predictions, strict=True)
        grouped = groupby(parts, key=lambda part: part[0].id)
        return [[tag for _, tags in group for tag in tags] for _, group in grouped]


def _parts(row: Row, tokenizer: Any, max_length: int) -> Iterator[Row]:
    """The row, or rows of consecutive words that fit, with their tags."""
    words, tags = list(row["tokens"]), list(row["tags"])
    room = max_length - tokenizer.num_special_tokens_to_add()
    encoded = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    if len(encoded["input_ids"]) <= room:
        yield row
        return
    sizes = Counter(word for word in encoded.word_ids() if word is not None)
    start = held = 0
    for place in range(len(words)):
        if held + sizes[place] > room and place > start:
            yield {**row, "tokens": words[start:place], "tags": tags[start:place]}
            start, held = place, 0
        held += sizes[place]
    yield {**row, "tokens": words[start:], "tags": tags[start:]}


def tag_targets(features: Sequence[Feature], tokens: int) -> Tensor:
    """[b, tokens] the features' targets, one per sub-word, padded with -100."""
    import torch

    rows = torch.full((len(features), tokens), IGNORED)
    for row, feature in zip(rows, features, strict=True):
        row[: len(feature.ids)] = torch.tensor(feature.target)
    return rows


def _feature(row: Row, encoded: Any, number: int, index: dict[str, int]) -> Feature:
    ids, starts = encoded["input_ids"][number], dict[int, int]()
    for position, word in enumerate(encoded.word_ids(number)):
        if word is not None:
            starts.setdefault(word, position)
    target = [IGNORED] * len(ids)
    for (_, position), tag in zip(sorted(starts.items()), row["tags"], strict=False):
        target[position] = index.get(tag, IGNORED)
    words = tuple(starts.get(word, -1) for word in range(len(row["tokens"])))
    return Feature(row["id"], ids, encoded["token_type_ids"][number], target, words)


def _tags(line: list[int], feature: Feature, labels: Sequence[str]) -> list[str]:
    missing = OUTSIDE if OUTSIDE in labels else labels[0]
    return [labels[line[place]] if place >= 0 else missing for place in feature.words]


TAGGING = Tagging()
