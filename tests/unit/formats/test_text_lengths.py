"""Lengths of examples in words and sub-words."""

from __future__ import annotations

import pytest

from xstilts.formats.classification import CLASSIFICATION, TextExample
from xstilts.formats.tagging import TAGGING, TaggedExample
from xstilts.formats.text_lengths import text_lengths


class PieceTokenizer:
    """A sub-word for each piece between white space."""

    unk_token_id = None

    def __call__(self, texts: list[str], **_: bool) -> dict[str, list[list[int]]]:
        return {"input_ids": [[1] * len(text.split()) for text in texts]}


@pytest.mark.parametrize("space", [" ", "\u00a0"])
def test_the_words_of_a_tagged_sentence_are_its_tokens(space: str) -> None:
    sentence = TaggedExample("1", ("in", f"10{space}000", "small", "towns"), ("O",) * 4)
    lengths = text_lengths([sentence], TAGGING, PieceTokenizer())
    assert (lengths.words, lengths.subwords, lengths.subwords_per_word) == ((4,), (5,), 1.25)


def test_the_words_of_a_text_are_separated_by_white_space() -> None:
    example = TextExample("1", "two words", "a", "and three more")
    assert text_lengths([example], CLASSIFICATION, PieceTokenizer()).words == (5,)
