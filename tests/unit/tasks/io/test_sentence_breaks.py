"""Sentences of English paragraphs by punctuation."""

from __future__ import annotations

import pytest

from xstilts.tasks.io.sentence_breaks import sentence_breaks


@pytest.mark.parametrize(
    "sentences",
    [
        ["One ends here.", "Another begins!", "Does it?", "Yes."],
        ["It cost 3.5 million dollars.", "1984 was the year."],
        ["Dr. Smith met J. R. R. Tolkien in the U.S. Navy.", "They talked."],
        ['He said "stop."', '"Why?" she asked.', "(Nobody knew.)", "The end"],
        ["A claim.[12][note 3]", "Its source is e.g. Homer."],
        ["No break without a capital. as here New line."],
        ["Wait...", "What?!", "\u201cSo it goes.\u201d", "Done."],
    ],
)
def test_sentences_are_found(sentences: list[str]) -> None:
    text = " ".join(sentences)
    found = [text[start:end] for start, end in sentence_breaks(text)]
    assert found == sentences


def test_space_around_sentences_belongs_to_none() -> None:
    text = "  One.  Two.\nThree. \n"
    assert [text[start:end] for start, end in sentence_breaks(text)] == ["One.", "Two.", "Three."]


@pytest.mark.parametrize("text", ["", " \n ", "."])
def test_texts_without_words_have_at_most_one_sentence(text: str) -> None:
    assert [text[start:end] for start, end in sentence_breaks(text)] == [text.strip()] * bool(
        text.strip()
    )
