"""Words of a sentence as sub-words: the same ids as the sentence itself, for every tokenizer."""

from __future__ import annotations

import pytest
from tokenizers import Regex, normalizers, pre_tokenizers

from xstilts.formats.base import IGNORED, TokenizationConfig
from xstilts.formats.tag_sequences import NO_SUBWORD, packed
from xstilts.formats.tagging import TAGGING
from xstilts.formats.word_subwords import WordPart, reads_spaces, word_subwords
from xstilts.testing.encoder_families import FAMILIES
from xstilts.testing.tokenizer_kinds import (
    KIND_OF,
    PLAIN,
    SPACED,
    WORDS,
    byte_level,
    differing_ids,
    trained_bpe,
)

LABELS = ("NOUN", "VERB", "X")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tagged_sentence_has_the_ids_of_the_sentence_in_every_family(family: str) -> None:
    kinds = {**SPACED, **PLAIN}
    assert [differing_ids(kinds[name]()) for name in KIND_OF[family]] == [0] * len(KIND_OF[family])


@pytest.mark.parametrize("name", SPACED)
def test_split_words_have_the_ids_of_the_joined_sentence(name: str) -> None:
    tokenizer = SPACED[name]()
    assert reads_spaces(tokenizer)
    (found,) = word_subwords([WordPart(WORDS)], tokenizer, 64)
    assert found.ids == tokenizer(" ".join(WORDS))["input_ids"]
    apart = tokenizer(list(WORDS), is_split_into_words=True)["input_ids"]
    assert found.ids != apart, "the tokenizer of this test loses nothing"


@pytest.mark.parametrize("name", ["byte-level", "trimmed", "llama"])
def test_each_subword_belongs_to_the_word_it_is_in(name: str) -> None:
    tokenizer = SPACED[name]()
    (found,) = word_subwords([WordPart(WORDS)], tokenizer, 64)
    for number, word in enumerate(WORDS):
        ids = [index for index, at in zip(found.ids, found.words, strict=True) if at == number]
        assert "".join(tokenizer.convert_ids_to_tokens(ids)).removeprefix("Ġ") == word


@pytest.mark.parametrize("name", PLAIN)
def test_other_tokenizers_read_words_as_they_did(name: str) -> None:
    tokenizer = PLAIN[name]()
    assert not reads_spaces(tokenizer)
    expected = tokenizer([list(WORDS)], is_split_into_words=True, return_token_type_ids=True)
    (found,) = word_subwords([WordPart(WORDS)], tokenizer, 64)
    assert found.ids == expected["input_ids"][0]
    assert found.types == expected["token_type_ids"][0]
    assert found.words == expected.word_ids(0)


def test_parts_of_a_long_sentence_have_its_ids_together() -> None:
    tokenizer = byte_level()
    row = {"id": "1", "tokens": list(WORDS) * 4, "tags": ["X"] * 32}
    parts = TAGGING.features([row], tokenizer, LABELS, TokenizationConfig(max_length=12))
    assert len(parts) > 2
    assert all(len(part.ids) <= 12 and -1 not in part.words for part in parts)
    ids = [index for part in parts for index in part.ids[1:-1]]
    assert ids == tokenizer(" ".join(row["tokens"]), add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("empty", ["\u200b", "\u00ad", "\x07", "\u200b\u200b"])
def test_a_word_without_a_subword_shifts_no_tag(empty: str) -> None:
    drop = normalizers.Replace(Regex("[\u200b\u00ad\x07]"), "")
    tokenizer = trained_bpe(pre_tokenizers.WhitespaceSplit(), drop)
    row = {"id": "1", "tokens": ["the", empty, "dog", "a"], "tags": ["X", "VERB", "NOUN", "X"]}
    (feature,) = TAGGING.features([row], tokenizer, LABELS, TokenizationConfig())
    assert isinstance(feature.target, list)
    read = [(word, feature.target[place]) for word, place in enumerate(feature.words) if place >= 0]
    assert read == [(0, 2), (2, 0), (3, 2)]
    assert sum(target != IGNORED for target in feature.target) == 3
    (problem,) = TAGGING.feature_problems([row], [feature], tokenizer)
    assert problem == ("1", ("word without a sub-word, not read", ascii(empty)))


@pytest.mark.parametrize(("labels", "default"), [(("O", "B-x"), "O"), (LABELS, "NOUN")])
def test_its_prediction_is_o_or_the_most_frequent_tag(
    labels: tuple[str, ...], default: str
) -> None:
    assert TAGGING.training is not None
    features = [
        TAGGING.features([row], PLAIN["bert"](), labels, TokenizationConfig())[0]
        for row in (
            {"id": "1", "tokens": ["the", "dog"], "tags": []},
            {"id": "2", "tokens": ["a", "dog"], "tags": []},
        )
    ]
    predicted = TAGGING.training.empty_predictions(features)
    for index, numbers in enumerate(([1, NO_SUBWORD], [0, 0])):
        predicted[index] = packed(numbers)
    found = TAGGING.training.aggregate(features, predicted, labels, TokenizationConfig())
    assert list(map(list, found)) == [[labels[1], default], [labels[0], labels[0]]]
