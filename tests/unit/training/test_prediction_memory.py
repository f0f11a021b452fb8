"""R13: what predictions need per row does not grow with copies of rows, keys or tags."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence

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


def test_tags_take_two_bytes_per_word() -> None:
    words = 20
    features = [Feature(str(row), [0, 5, 2], [0] * 3, [0], (1,) * words) for row in range(ROWS)]
    spec = training_of("tagging")
    tracemalloc.start()
    predicted = spec.empty_predictions(features)
    for index in range(ROWS):
        predicted[index] = packed([index % 3] * words)
    sentences = spec.aggregate(features, predicted, LABELS, TokenizationConfig())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (32 + 2 * 2 * words) * ROWS
    assert sentences[ROWS - 1] == [LABELS[(ROWS - 1) % 3]] * words


def joined(texts: Sequence[tuple[str, list[int]]], labels: Sequence[str]) -> list[list[str]]:
    """The tags of each sentence, from (sentence, label numbers) of its parts."""
    features = [Feature(name, [0], [0], [0], (1,) * len(tags)) for name, tags in texts]
    spec = training_of("tagging")
    predicted = spec.empty_predictions(features)
    for index, (_, numbers) in enumerate(texts):
        predicted[index] = packed(numbers)
    return list(spec.aggregate(features, predicted, labels, TokenizationConfig()))


def test_sentences_in_parts_and_words_without_a_subword_keep_their_tags() -> None:
    parts = [("1", [1]), ("1", [0, NO_SUBWORD]), ("2", [2, NO_SUBWORD]), ("3", [1])]
    assert joined(parts, LABELS) == [["B-PER", "O", "O"], ["B-LOC", "O"], ["B-PER"]]


def test_without_o_words_without_a_subword_get_the_first_of_the_most_frequent_tags() -> None:
    sentences = joined([("1", [NO_SUBWORD, 2, 0]), ("2", [0, 2])], ("NOUN", "X", "VERB"))
    assert sentences == [["VERB", "VERB", "NOUN"], ["NOUN", "VERB"]]
