"""Dual encoder: sub-words of queries and passages, the in-batch softmax, ranks of passages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from xstilts.config.recipe import Recipe
from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.formats.contrastive import ContrastiveSettings, group_numbers, in_batch_softmax
from xstilts.formats.dual_encoder import DUAL_ENCODER, PassageExample
from xstilts.metrics import METRICS
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training.multitask_model import initialised
from xstilts.training.predict import embed, predict

CONFIG = TokenizationConfig(max_length=24, retrieval_query_length=6)
TRAINING = DUAL_ENCODER.training
assert TRAINING is not None


def row(number: int, query: str, passage: str, context: str = "") -> dict[str, Any]:
    return {"id": str(number), "query": query, "passage": passage, "context": context}


ROWS = [
    row(0, "where is the dog", "the dog is here"),
    row(1, "who saw a cat", "I saw a cat today", "I saw a cat today. give me one bread please"),
    row(2, "where is my dog now", "the dog is here"),
    row(3, "where is the horse", "the dog is here", "the dog is here. the horse is not"),
]


def test_queries_and_passages_have_their_own_lengths_and_contexts_follow(root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(root)
    features = DUAL_ENCODER.features(ROWS, tokenizer, (), CONFIG)
    for feature, given in zip(features, ROWS, strict=True):
        query = tokenizer(given["query"], truncation=True, max_length=6)["input_ids"]
        pair = (given["passage"], given["context"]) if given["context"] else (given["passage"],)
        passage = tokenizer(*pair, truncation=True, max_length=24)["input_ids"]
        assert [text.ids for text in feature.texts] == [query, passage]
    assert max(len(feature.ids) for feature in features) == 6


def test_the_query_length_of_a_recipe_is_read_by_dual_encoders_alone() -> None:
    recipe = Recipe(retrieval_query_length=7)
    assert DUAL_ENCODER.tokenization_params(recipe)["retrieval_query_length"] == 7
    assert "retrieval_query_length" not in FORMATS.get("span").tokenization_params(recipe)
    assert "retrieval_query_length" not in Recipe().key_params()
    assert "retrieval_query_length" not in TokenizationConfig().key_params()
    assert CONFIG.key_params()["retrieval_query_length"] == 6


def test_equal_passages_and_passages_of_equal_queries_are_no_negatives(root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(root)
    rows = [*ROWS, row(4, "who saw a cat", "the mouse saw a cat")]
    features = DUAL_ENCODER.features(rows, tokenizer, (), TokenizationConfig())
    groups = TRAINING.targets(features, 0)
    assert groups.tolist() == [[0, 0], [1, 1], [2, 0], [3, 2], [1, 3]]
    draw = torch.Generator().manual_seed(1)
    vectors = torch.randn(5, 2, 8, generator=draw).requires_grad_()
    negatives = {0: [1, 3, 4], 1: [0, 2, 3], 2: [1, 3, 4], 3: [0, 1, 2, 4], 4: [0, 2, 3]}
    cosines = torch.nn.functional.cosine_similarity(vectors[:, None, 0], vectors[None, :, 1], -1)
    expected = sum(
        (cosines[n, [n, *others]] / 0.01).logsumexp(0) - cosines[n, n] / 0.01
        for n, others in negatives.items()
    )
    loss = in_batch_softmax(vectors, groups, ContrastiveSettings())
    torch.testing.assert_close(loss, expected)
    (ours,), (plain,) = (torch.autograd.grad(value, vectors) for value in (loss, expected))
    torch.testing.assert_close(ours, plain)


def test_a_batch_of_equal_passages_has_no_loss() -> None:
    groups = group_numbers([("a", "same"), ("b", "same")])
    vectors = torch.randn(2, 2, 8, requires_grad=True)
    loss = in_batch_softmax(vectors, groups, ContrastiveSettings(symmetric=True))
    assert float(loss.detach()) == 0
    (grad,) = torch.autograd.grad(loss, vectors)
    assert grad.isfinite().all()


def test_a_recipe_changes_temperature_similarity_and_directions() -> None:
    recipe = Recipe(
        contrastive_temperature=2.0, contrastive_similarity="dot", contrastive_symmetric=True
    )
    settings = TRAINING.contrastive.with_recipe(recipe)
    assert settings == ContrastiveSettings(2.0, "dot", symmetric=True)
    assert TRAINING.contrastive.with_recipe(Recipe()) == ContrastiveSettings(0.01, "cosine")
    vectors = torch.randn(3, 2, 8, generator=torch.Generator().manual_seed(1))
    groups = group_numbers([("a", "x"), ("b", "y"), ("c", "z")])
    scores = vectors[:, 0] @ vectors[:, 1].T / 2
    own = torch.arange(3)
    both = [torch.nn.functional.cross_entropy(table, own) for table in (scores, scores.T)]
    loss = in_batch_softmax(vectors, groups, settings)
    torch.testing.assert_close(loss, 3 * (both[0] + both[1]) / 2)


def ranked(features: list[Feature], vectors: list[list[list[float]]]) -> list[int]:
    pairs = [np.array(pair, dtype=np.float32) for pair in vectors]
    return TRAINING.aggregate(features, pairs, (), CONFIG)


def text(number: int) -> Feature:
    return Feature(str(number), [number], [0], 0)


def test_ranks_are_among_the_distinct_passages_and_ties_count_against_the_right_one() -> None:
    pairs = [(1, 7), (2, 8), (3, 7), (4, 9)]
    features = [replace(text(query), extra_texts=(text(passage),)) for query, passage in pairs]
    east, north, both = [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]
    vectors = [[east, east], [east, both], [north, east], [both, both]]
    # passages: 7 east, 8 both, 9 both
    assert ranked(features, vectors) == [1, 3, 3, 2]
    assert ranked(features, [[east, east]] * 4) == [3] * 4
    assert TRAINING.collapsed([""] * 4, [3] * 4)
    assert not TRAINING.collapsed([""] * 4, [1] * 4)


def test_passages_of_equal_queries_are_right_for_all_of_them() -> None:
    features = [replace(text(1), extra_texts=(text(passage),)) for passage in (7, 8)]
    features.append(replace(text(2), extra_texts=(text(9),)))
    east, north = [1.0, 0.0], [0.0, 1.0]
    assert ranked(features, [[east, east], [east, north], [north, [-1.0, 0.1]]]) == [1, 1, 2]


def test_passages_of_equal_queries_are_wrong_for_other_queries_of_either_passage() -> None:
    pairs = [(1, 7), (1, 8), (2, 7)]
    features = [replace(text(query), extra_texts=(text(passage),)) for query, passage in pairs]
    east, north = [1.0, 0.0], [0.0, 1.0]
    assert ranked(features, [[east, east], [east, north], [north, east]]) == [1, 1, 2]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_dev_ranks_equal_those_of_the_vectors_that_searches_embed(root: Path, pooling: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(root)
    features = DUAL_ENCODER.features(ROWS, tokenizer, (), TokenizationConfig(max_length=64))
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    model = initialised(encoder, {"t": HeadShape("dual_encoder", 0, 0.0, pooling)}, 0)
    assert not model.heads.state_dict()
    output = (encoder.model.config.num_hidden_layers, pooling)
    queries, passages = (
        embed(encoder, [replace(one.texts[side], extra_texts=()) for one in features], 1, [output])[
            output
        ]
        for side in (0, 1)
    )
    expected = ranked(features, np.stack([queries, passages], axis=1).tolist())
    assert predict(model, "t", "dual_encoder", features, (), 1, CONFIG) == expected
    assert predict(model, "t", "dual_encoder", features, (), 1, CONFIG, tokens=20) == expected


def test_metrics_read_the_rank_of_the_right_passage() -> None:
    ranks = [1, 2, 20, 21]
    for name, expected in (("map_at_20", (1 + 0.5 + 0.05) / 4), ("recall_at_1", 0.25)):
        metric = METRICS.get(name)
        sums = metric.statistics(["p"] * 4, ranks, "en").sum(0)
        assert float(metric.value(sums)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (PassageExample("1", " ", "here"), "empty text"),
        (PassageExample("1", "where", ""), "empty text"),
        (PassageExample("1", "where", "here", "a\0b"), "NUL character"),
        (PassageExample("1", "where", "here", "a"), ""),
    ],
)
def test_unusable_examples_are_named(example: PassageExample, problem: str) -> None:
    problems = list(DUAL_ENCODER.problems(example, frozenset(), "test"))
    assert [kind for kind, _ in problems] == ([problem] if problem else [])
