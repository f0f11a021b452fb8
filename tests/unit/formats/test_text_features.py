"""Pairs of texts: in the tokenizer's own template, or with a line break between them."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from xstilts.formats.base import TokenizationConfig
from xstilts.formats.span_windows import read_windows
from xstilts.formats.text_features import joins_pairs, text_features

BEGIN = ("<s> $A", "<s> $A $B")
ENDED = ("$A </s>", "$A </s> $B </s>")


def tokenizer(templates: tuple[str, str], **special: str) -> Any:
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens = ["<s>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["the cat is here"] * 9, trainer)
    single, pair = templates
    made.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", **special)


def pair_ids(tokenizer: Any) -> list[int]:
    row = {"id": "1", "text": "the cat", "text_pair": "is here"}
    (feature,) = text_features([row], tokenizer, 64, [0])
    return feature.ids


def test_a_decoder_that_puts_nothing_between_texts_gets_a_line_break() -> None:
    decoder = tokenizer(BEGIN)
    assert joins_pairs(decoder)
    assert pair_ids(decoder) == decoder("the cat\nis here")["input_ids"]
    (single,) = text_features([{"id": "1", "text": "the cat"}], decoder, 64, [0])
    assert single.ids == decoder("the cat")["input_ids"]


def test_a_question_and_its_context_are_separated_too() -> None:
    decoder = tokenizer(BEGIN)
    context = "the cat is here and the cat is there"
    row = {"id": "1", "question": "is here", "context": context, "answers": ["there"]}
    row["starts"] = [context.index("there")]
    (window,) = read_windows([row], decoder, TokenizationConfig(max_length=64))
    assert window.ids == decoder(f"is here\n{context}")["input_ids"]
    start, end = window.target
    first, last = window.offsets[start], window.offsets[end]
    assert context[first[0] : last[1]].strip() == "there"
    windows = read_windows([row], decoder, TokenizationConfig(max_length=14))
    assert len(windows) > 1
    assert all(len(window.ids) <= 14 for window in windows)


@pytest.mark.parametrize(
    ("templates", "special"),
    [(ENDED, {}), (BEGIN, {"mask_token": "<mask>"}), (BEGIN, {"cls_token": "<s>"})],
)
def test_other_templates_of_pairs_stay_as_they_are(
    templates: tuple[str, str], special: dict[str, str]
) -> None:
    other = tokenizer(templates, **special)
    assert not joins_pairs(other)
    assert pair_ids(other) == other("the cat", "is here")["input_ids"]
