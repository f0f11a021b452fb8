"""R13: what predictions need per row does not grow with copies of rows, keys or tags."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence

import torch

from xstilts.formats import training_of
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.tag_sequences import NO_SUBWORD, packed
from xstilts.training.batching import descending

ROWS = 20_000
LABELS = ("O", "B-PER", "B-LOC")


def test_indices_are_in_descending_order_of_size_with_ties_in_order() -> None:
    sizes = random.Random(0).choices(range(40), k=ROWS)
    assert descending(sizes) == sorted(range(ROWS), key=lambda index: (-sizes[index], index))
    assert descending([]) == []


def test_sorting_rows_by_length_needs_no_object_per_key() -> None:
    sizes = random.Random(0).choices(range(40), k=ROWS)
    tracemalloc.start()
    descending(sizes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 * ROWS


def test_tags_take_a_few_bytes_per_word() -> None:
    words = 20
    features = [Feature(str(row), [0, 5, 2], [0] * 3, [0], (1,) * words) for row in range(ROWS)]
    logits = torch.zeros(1, 3, len(LABELS)).expand(ROWS, 3, len(LABELS))
    spec = training_of("tagging")
    tracemalloc.start()
    predicted = spec.predictions(logits, features, LABELS, TokenizationConfig())
    held, _ = tracemalloc.get_traced_memory()
    sentences = spec.aggregate(features, predicted, LABELS, TokenizationConfig())
    del predicted
    final, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < (50 + 2 * words) * ROWS
    assert final < (12 + 2 * words) * ROWS
    assert sentences[ROWS - 1] == ["O"] * words


def tags_of(words: dict[str, int]) -> Sequence[Feature]:
    """Features with as many words as the numbers; the key is the id without its last letter."""
    return [Feature(name[0], [0, 5, 2], [0] * 3, [0], (1,) * n) for name, n in words.items()]


def test_sentences_in_parts_and_words_without_a_subword_keep_their_tags() -> None:
    features = tags_of({"1a": 1, "1b": 2, "2a": 2, "3a": 1})
    parts = [packed(numbers) for numbers in ([1], [0, NO_SUBWORD], [2, NO_SUBWORD], [1])]
    sentences = training_of("tagging").aggregate(features, parts, LABELS, TokenizationConfig())
    assert list(sentences) == [["B-PER", "O", "O"], ["B-LOC", "O"], ["B-PER"]]


def test_without_o_words_without_a_subword_get_the_first_of_the_most_frequent_tags() -> None:
    features = tags_of({"1a": 3, "2a": 2})
    parts = [packed(numbers) for numbers in ([NO_SUBWORD, 2, 0], [0, 2])]
    tags = ("NOUN", "X", "VERB")
    sentences = training_of("tagging").aggregate(features, parts, tags, TokenizationConfig())
    assert list(sentences) == [["VERB", "VERB", "NOUN"], ["NOUN", "VERB"]]
