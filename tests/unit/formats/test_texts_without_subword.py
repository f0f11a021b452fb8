"""Texts that the tokenizer has no sub-word for are counted and named in every format."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from xstilts.formats import FORMATS
from xstilts.formats.base import TokenizationConfig
from xstilts.formats.text_features import WITHOUT_SUBWORD

LABELS = ("a", "b")
PAIR = {"text": "one", "text_pair": "two", "label": "a"}
CHOICES = {"text": "one", "choices": ["two", "three"], "label": "a"}
SENTENCE = {"text": "one", "meaning": "1"}
QUESTION = {"question": "one", "context": "two three", "answers": ["two"], "starts": [0]}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Splits at white space, drops invisible characters, and has an unknown token."""
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.Replace(Regex("[\u200b\u00ad\u3164\x07]"), "")
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    made.train_from_iterator(["one two three", "?"], trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )


def problems(tokenizer: Any, name: str, row: dict[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    spec, rows = FORMATS.get(name), [{"id": "7", **row}]
    features = spec.features(rows, tokenizer, LABELS, TokenizationConfig())
    return list(spec.feature_problems(rows, features, tokenizer))


@pytest.mark.parametrize("unread", ["\u200b", "\u00ad \u00ad", "\x07", "\u3164"])
@pytest.mark.parametrize(
    ("name", "row", "column"),
    [
        ("classification", {**PAIR, "text_pair": None}, "text"),
        ("classification", PAIR, "text"),
        ("classification", PAIR, "text_pair"),
        ("multiple_choice", CHOICES, "text"),
        ("retrieval", SENTENCE, "text"),
        ("mining", SENTENCE, "text"),
        ("span", QUESTION, "question"),
    ],
)
def test_a_text_without_a_subword_is_counted_and_named(
    tokenizer: Any, name: str, row: dict[str, Any], column: str, unread: str
) -> None:
    assert problems(tokenizer, name, row) == []
    expected = [("7", (WITHOUT_SUBWORD, ascii(unread)))]
    assert problems(tokenizer, name, {**row, column: unread}) == expected


def test_each_choice_without_a_subword_is_counted(tokenizer: Any) -> None:
    found = problems(tokenizer, "multiple_choice", {**CHOICES, "choices": ["\u200b", "\x07"]})
    assert [detail for _, (_, detail) in found] == [ascii("\u200b"), ascii("\x07")]


@pytest.mark.parametrize("text", ["?", "\u2603", "\u200bone", "", " "])
def test_other_texts_are_not_counted(tokenizer: Any, text: str) -> None:
    assert problems(tokenizer, "classification", {**PAIR, "text": text}) == []
