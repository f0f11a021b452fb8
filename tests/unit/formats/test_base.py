"""Classification and tagging: from examples to tokens and back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from xstilts.formats import FORMATS, training_of
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.pooling import pool
from xstilts.training.batching import by_length, collate
from xstilts.training.multitask_model import initialised
from xstilts.training.predict import embed, predict, read_positions

SHORT = TokenizationConfig(max_length=64)


@pytest.fixture(scope="module")
def tokenizer(root: Path) -> Any:
    return AutoTokenizer.from_pretrained(root)


def test_pairs_use_the_template_of_the_encoder(tokenizer: Any) -> None:
    row = {"id": "1", "text": "the cat", "text_pair": "a dog", "label": "b"}
    (feature,) = FORMATS.get("classification").features([row], tokenizer, ("a", "b"), SHORT)
    assert feature.ids == tokenizer("the cat", "a dog")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(feature.ids).count("</s>") == 3
    assert feature.target == 1


def test_a_blank_label_has_no_training_target(tokenizer: Any) -> None:
    row = {"id": "1", "text": "the cat", "text_pair": None, "label": ""}
    (feature,) = FORMATS.get("classification").features([row], tokenizer, ("a", "b"), SHORT)
    assert feature.target == -100


def test_tags_are_on_the_first_subword_of_each_word(tokenizer: Any) -> None:
    row = {"id": "1", "tokens": ["zebra", "cat", "qqqq"], "tags": ["B-x", "O", "B-x"]}
    tagging = FORMATS.get("tagging")
    (feature,) = tagging.features([row], tokenizer, ("O", "B-x"), SHORT)
    encoded = tokenizer([row["tokens"]], is_split_into_words=True)
    words = encoded.word_ids(0)
    firsts = [words.index(word) for word in range(3)]
    assert list(feature.words) == firsts
    assert [feature.target[place] for place in firsts] == [1, 0, 1]
    assert sum(target != -100 for target in feature.target) == 3
    logits = torch.zeros(1, len(feature.ids), 2)
    logits[0, firsts[2], 1] = 1
    assert tags(logits, [feature]) == [["O", "O", "B-x"]]


def tags(logits: torch.Tensor, features: Sequence[Feature]) -> list[list[str]]:
    """The predicted tags of each sentence, O or B-x."""
    spec, labels = training_of("tagging"), ("O", "B-x")
    predicted = spec.empty_predictions(features)
    for index, text in enumerate(spec.predictions(logits, features, labels, SHORT)):
        predicted[index] = text
    return list(spec.aggregate(features, predicted, labels, SHORT))


def test_a_long_sentence_is_split_between_words(tokenizer: Any) -> None:
    words = [f"word{number}" for number in range(30)]
    gold = ["B-x" if number % 3 == 0 else "O" for number in range(30)]
    row = {"id": "1", "tokens": words, "tags": gold}
    tagging = FORMATS.get("tagging")
    after = {"id": "2", "tokens": ["cat"], "tags": ["O"]}
    parts = tagging.features(
        [row, after], tokenizer, ("O", "B-x"), TokenizationConfig(max_length=16)
    )
    assert len(parts) > 3
    assert all(len(part.ids) <= 16 and -1 not in part.words for part in parts)
    assert [part.id for part in parts] == ["1"] * (len(parts) - 1) + ["2"]
    pieces = [index for part in parts[:-1] for index in part.ids[1:-1]]
    whole = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    assert pieces == whole["input_ids"]
    targets = training_of("tagging").targets(parts, max(len(part.ids) for part in parts))
    logits = torch.nn.functional.one_hot(targets.clamp(min=0), 2).float()
    assert tags(logits, parts) == [gold, ["O"]]


def test_a_word_that_is_too_long_keeps_its_first_subwords(tokenizer: Any) -> None:
    row = {"id": "1", "tokens": ["a", "q" * 60, "b"], "tags": ["O", "B-x", "O"]}
    tagging = FORMATS.get("tagging")
    parts = tagging.features([row], tokenizer, ("O", "B-x"), TokenizationConfig(max_length=8))
    assert all(len(part.ids) <= 8 for part in parts)
    assert sum(len(part.words) for part in parts) == 3
    assert [sum(t != -100 for t in part.target) for part in parts] == [1, 1, 1]  # type: ignore[union-attr]


def test_pooling_is_masked_mean_or_first_token() -> None:
    hidden = torch.tensor([[[1.0], [3.0], [100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(hidden, mask, "mean").tolist() == [[2.0]]
    assert pool(hidden, mask, "cls").tolist() == [[1.0]]


def features(count: int) -> list[Feature]:
    draw = random.Random(0)
    made = []
    for number in range(count):
        ids = [0, *(draw.randrange(5, 100) for _ in range(draw.randrange(1, 30))), 2]
        made.append(Feature(str(number), ids, [0] * len(ids), 0))
    return made


def test_length_sorted_batches_contain_every_feature_once() -> None:
    made = features(50)
    groups = list(by_length(made, 64))
    assert sorted(place for group in groups for place in group) == list(range(50))
    for group in groups:
        longest = max(len(made[place].ids) for place in group)
        assert len(group) == 1 or len(group) * longest <= 64


def test_predictions_do_not_depend_on_batching(root: Path) -> None:
    made = features(40)
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    model = initialised(encoder, {"t": HeadShape("classification", 3, 0.1, "mean")}, 0)
    alone, together = (
        predict(model, "t", "classification", made, "abc", 1, TokenizationConfig(), tokens=tokens)
        for tokens in (1, 4096)
    )
    assert alone == together
    answers = [
        predict(
            *(model, "t", "classification", made, "abc", 1, TokenizationConfig()),
            tokens=tokens,
            with_probabilities=True,
        )
        for tokens in (1, 4096)
    ]
    assert [one.prediction for one in answers[0]] == alone
    assert answers[0] == answers[1]
    assert len({one.probability for one in answers[0]}) > 5
    one, other = (
        embed(encoder, made, 1, [(2, "mean")], tokens=tokens)[2, "mean"] for tokens in (1, 4096)
    )
    torch.testing.assert_close(torch.tensor(one), torch.tensor(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("kind", ["classification", "tagging", "span", "multiple_choice"])
def test_logits_do_not_depend_on_other_examples_in_the_batch(
    root: Path, kind: str, pooling: str
) -> None:
    made = features(24)
    if kind == "multiple_choice":
        made = [
            replace(one, extra_texts=(other,)) for one, other in zip(made, made[::-1], strict=True)
        ]
    if kind == "tagging":
        made = [replace(one, words=tuple(range(1, len(one.ids) - 1))) for one in made]
    labels = {"span": 2, "multiple_choice": 1}.get(kind, 3)
    shape, form = HeadShape(kind, labels, 0.1, pooling), FORMATS.get(kind)
    model = initialised(Encoder(EncoderFiles(root), torch.arange(160)), {"t": shape}, 0).eval()

    @torch.no_grad()
    def logits(chosen: list[Feature]) -> torch.Tensor:
        batch = collate(chosen, 1)
        places = read_positions(form.training, chosen, torch.device("cpu"))
        found: torch.Tensor = model("t", batch.ids, batch.mask, batch.types, places)
        return found.reshape(len(chosen), -1, found.shape[-1])

    together = logits(made)
    for feature, found in zip(made, together, strict=True):
        (alone,) = logits([feature])
        assert alone.abs().max() > 0.01
        torch.testing.assert_close(found[: len(alone)], alone, rtol=0, atol=1e-5)


def test_padding_is_masked() -> None:
    batch = collate(features(3), 1)
    assert ((batch.ids == 1) == (batch.mask == 0)).all()
