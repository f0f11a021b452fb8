"""R13: what predictions need per row does not grow with copies of rows, keys or tags."""

from __future__ import annotations

import random
import tracemalloc

from xstilts.formats import training_of
from xstilts.formats.base import Feature, TokenizationConfig
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


def test_tags_of_sentences_in_one_part_are_not_copied() -> None:
    features = [Feature(str(row), [0, 5, 2], [0] * 3, [0]) for row in range(ROWS)]
    tags = [[LABELS[row % 3]] * 20 for row in range(ROWS)]
    aggregate = training_of("tagging").aggregate
    tracemalloc.start()
    sentences = aggregate(features, tags, LABELS, TokenizationConfig())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sentences == tags
    assert peak < 40 * ROWS


def test_sentences_in_parts_and_words_without_a_subword_keep_their_tags() -> None:
    features = [Feature(name, [0, 5, 2], [0] * 3, [0]) for name in ("1", "1", "2", "3")]
    parts = [["B-PER"], ["O", None], ["B-LOC", None], ["B-PER"]]
    sentences = training_of("tagging").aggregate(features, parts, LABELS, TokenizationConfig())
    assert sentences == [["B-PER", "O", "O"], ["B-LOC", "O"], ["B-PER"]]
    assert parts[2] == ["B-LOC", None]
