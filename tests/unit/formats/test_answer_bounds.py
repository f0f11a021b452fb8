"""Answers whose first or last characters have no sub-word, and rows of which some are pairs."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from xstilts.formats.base import IGNORED, Feature, TokenizationConfig
from xstilts.formats.classification import CLASSIFICATION
from xstilts.formats.span import SPAN

CONTEXT = "one two{0}{1}three{2} four five six seven eight"
SMALL = TokenizationConfig(max_length=11, stride=2, question_length=3)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Splits at white space; drops invisible characters and accents."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    drop = normalizers.Replace(Regex("[\u200b\u200f\u00ad\u0301]"), "")
    made.normalizer = normalizers.Sequence([normalizers.NFD(), drop])
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=90, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False
    )
    made.train_from_iterator([CONTEXT.format(" ", "", ""), "what is it café"], trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", pad_token="<pad>", eos_token="</s>"
    )


def windows(tokenizer: Any, context: str, answer: str, config: Any = None) -> list[Feature]:
    row = {
        "id": "q",
        "question": "what is it",
        "context": context,
        "answers": [answer],
        "starts": [context.index(answer)],
    }
    return SPAN.features([row], tokenizer, (), config or TokenizationConfig())


def answers(found: list[Feature]) -> list[str]:
    """The text between the targets of each window; blank where it points at the first token."""
    texts = []
    for window in found:
        assert isinstance(window.target, list)
        first, last = window.target
        bounds = window.offsets[first][0], window.offsets[last][1]
        texts.append(window.context[slice(*bounds)] if bounds[0] >= 0 else "")
    return texts


INVISIBLE = [" ", "\u00a0", "\u200f", "\u200b", "\u00ad", " \u200b", "\n"]


@pytest.mark.parametrize("end", INVISIBLE)
@pytest.mark.parametrize("start", ["", *INVISIBLE])
def test_an_answer_is_read_without_bounds_that_have_no_subword(
    tokenizer: Any, start: str, end: str
) -> None:
    context = CONTEXT.format(" ", start, end)
    (found,) = answers(windows(tokenizer, context, f"{start}three{end}"))
    assert found == "three"


@pytest.mark.parametrize("end", ["", " ", "\u00a0", "\u200f", " \u200b", "\n"])
def test_the_next_word_is_no_part_of_an_answer_with_a_space_behind(end: str) -> None:
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.normalizer = normalizers.Replace(Regex("[\u200b\u200f\u00a0\n]"), " ")
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=90, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False
    )
    made.train_from_iterator([CONTEXT.format(" ", "", "")] * 3, trainer)
    spaced = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>")
    context = f"one two three{end or ' '}four five"
    (found,) = answers(windows(spaced, context, f"three{end}"))
    assert found.strip() == "three"


def test_a_decomposed_accent_at_the_end_belongs_to_the_answer(tokenizer: Any) -> None:
    answer = unicodedata.normalize("NFD", "café")
    (window,) = windows(tokenizer, f"one {answer} two", answer)
    assert answers([window]) in ([answer], [answer[:-1]])


def test_a_window_with_a_part_of_the_answer_still_has_none(tokenizer: Any) -> None:
    context = CONTEXT.format(" ", "", "")
    found = answers(windows(tokenizer, context, "three four five", SMALL))
    assert len(found) > 2
    assert set(found) <= {"three four five", ""}
    assert "" in found


def test_an_answer_without_any_subword_is_named_and_not_trained_on(tokenizer: Any) -> None:
    context = CONTEXT.format(" ", "\u200b", "")
    found = windows(tokenizer, context, "\u200b", SMALL)
    assert all(window.target == [IGNORED, IGNORED] for window in found)
    row = {"id": "q", "question": "what is it", "answers": ["\u200b"]}
    assert list(SPAN.feature_problems([row], found, tokenizer)) == [
        ("q", ("answer without a sub-word, not trained on", "'\\u200b'"))
    ]
    assert SPAN.training is not None
    assert SPAN.training.gold_options is not None
    assert SPAN.training.gold_options(found[0], ())[0] == 0


def test_an_answer_that_fits_in_no_window_is_named(tokenizer: Any) -> None:
    context = CONTEXT.format(" ", "", "")
    for answer, named in (("three four five", False), ("two three four five six seven", True)):
        found = windows(tokenizer, context, answer, SMALL)
        assert len(found) > 2
        assert ("".join(answers(found)) == "") is named
        row = {"id": "q", "question": "what is it", "answers": [answer]}
        row["starts"] = [context.index(answer)]
        problems = [problem for _, problem in SPAN.feature_problems([row], found, tokenizer)]
        assert problems == [("answer that fits in no window", f"{len(answer)} characters")] * named
    unanswerable = {**row, "answers": [], "starts": []}
    found = SPAN.features([{**unanswerable, "context": context}], tokenizer, (), SMALL)
    assert not list(SPAN.feature_problems([unanswerable], found, tokenizer))


def test_each_row_is_read_as_what_it_is_a_text_or_a_pair(tokenizer: Any) -> None:
    rows = [
        {"id": "1", "text": "one", "text_pair": None, "label": "a"},
        {"id": "2", "text": "two", "text_pair": "three", "label": "a"},
    ]
    for order in (rows, rows[::-1]):
        found = CLASSIFICATION.features(order, tokenizer, ("a",), TokenizationConfig())
        assert [feature.id for feature in found] == [row["id"] for row in order]
        ids = {feature.id: feature.ids for feature in found}
        assert ids["1"] == tokenizer("one")["input_ids"]
        assert ids["2"] == tokenizer("two", "three")["input_ids"]
