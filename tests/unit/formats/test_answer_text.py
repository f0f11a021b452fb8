"""Texts of answers by the rules of XTREME's and jiant's scripts, from the recipe to predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import Recipe
from xstilts.core.errors import XstiltsError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.answer_text import (
    NO_SPAN,
    AnswerSpan,
    align_with_words,
    answer_text,
    lower_cases,
    surrounding_words,
)
from xstilts.planning.answer_text import answer_text_params
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.rows import read_rows
from xstilts.testing.tiny import write_encoder

Runner = Callable[[LoadedExperiment, Path], Store]
SPAN = FORMATS.get("span")


def fast(*tokens: str, decoder: Any = None, lower_case: bool = False) -> Any:
    made = Tokenizer(models.WordLevel({token: n for n, token in enumerate(tokens)}, tokens[0]))
    made.pre_tokenizer, made.normalizer = (
        pre_tokenizers.Whitespace(),
        normalizers.BertNormalizer(lowercase=lower_case),
    )
    if decoder is not None:
        made.decoder = decoder
    return PreTrainedTokenizerFast(tokenizer_object=made)


@pytest.mark.parametrize(
    ("answer", "words", "lower_case", "text"),
    [
        ("1990", "(1990).", False, "1990"),
        ("(1990", "(1990).", False, "(1990)."),  # BERT would write "( 1990"
        ("steve smith", "Steve Smith's", True, "Steve Smith"),
        ("steve smith", "Steve Smith's", False, "Steve Smith's"),
        ("北京", "北京大学在中国", False, "北京大学在中国"),
        ("北 京", "北京大学在中国", False, "北京"),
        ("ไทย", "ประเทศไทย", False, "ไทย"),
        ("10", "10\xa0km", False, "10\xa0km"),  # BERT's text has one visible character less
        ("", "(1990).", False, "(1990)."),
    ],
)
def test_an_answer_is_found_in_its_words_or_replaced_by_them(
    answer: str, words: str, lower_case: bool, text: str
) -> None:
    assert align_with_words(answer, words, lower_case=lower_case) == text


def test_words_end_at_the_white_space_of_squad_examples_only() -> None:
    context = "a bc\xa0d\u3000e f\u202fg\th"
    assert surrounding_words(context, 3, 4) == ["bc\xa0d\u3000e"]
    assert surrounding_words(context, 7, 12) == ["bc\xa0d\u3000e", "f", "g"]
    assert surrounding_words(context, 1, 5) == ["bc\xa0d\u3000e"]


def test_a_last_subword_of_white_space_belongs_to_the_next_word() -> None:
    assert surrounding_words("a bc d", 0, 2) == ["a", "bc"]
    assert surrounding_words("a bc ", 2, 5) == ["bc"]


def test_word_pieces_are_joined_without_cleaning_spaces() -> None:
    """A fast tokenizer's decoder writes "ab." here, which BERT's words "ab ." do not contain."""
    tokenizer = fast("[UNK]", "a", "##b", ".", decoder=decoders.WordPiece())
    span = AnswerSpan("(ab.)", 1, 4, (1, 2, 3))
    assert tokenizer.convert_tokens_to_string(["a", "##b", "."]) == "ab."
    assert answer_text(span, "decoded", tokenizer) == "ab ."
    assert answer_text(span, "words", tokenizer) == "ab."


def test_only_word_pieces_are_compared_in_lower_case() -> None:
    for decoder, expected in ((decoders.WordPiece(), True), (decoders.Metaspace(), False)):
        assert lower_cases(fast("[UNK]", decoder=decoder, lower_case=True)) is expected
    assert not lower_cases(fast("[UNK]", decoder=decoders.WordPiece()))


def test_a_tokenizer_without_a_decoder_gives_the_characters_of_the_context() -> None:
    assert answer_text(AnswerSpan("(ab)", 1, 3, (1,)), "words", fast("?", "ab")) == "ab"


def test_no_answer_stays_empty() -> None:
    for rule in ("words", "decoded"):
        assert answer_text(NO_SPAN, rule, None) == ""  # type: ignore[arg-type]


# from the recipe to results


def test_jiant_differs_from_xtreme_in_chinese_only() -> None:
    rules = {
        (rule, language): answer_text_params(Recipe(answer_text=rule), SPAN, language)
        for rule in ("subwords", "xtreme", "jiant")
        for language in ("zh", "th")
    }
    words, decoded = {"answer_text": "words"}, {"answer_text": "decoded"}
    assert rules["subwords", "zh"] == rules["subwords", "th"] == {}
    assert rules["xtreme", "zh"] == rules["xtreme", "th"] == rules["jiant", "th"] == words
    assert rules["jiant", "zh"] == decoded
    tagging = FORMATS.get("tagging")
    assert answer_text_params(Recipe(answer_text="xtreme"), tagging, "zh") == {}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment over questions, in whose texts every third word ends in punctuation."""
    folder = tmp_path_factory.mktemp("asked")
    write_encoder(folder / "encoder")
    for split in ("train", "dev", "test"):
        paragraphs = []
        for number in range(8):
            context = f"the cat sees (a dog). the dog; sees '{number} cats'. they run, run, run."
            answer = {"text": "a dog", "answer_start": context.index("a dog")}
            question = {"id": str(number), "question": "what", "answers": [answer]}
            paragraphs.append({"context": context, "qas": [question]})
        tree = {"data": [{"paragraphs": paragraphs}]}
        (folder / f"ask-{split}-en.json").write_text(json.dumps(tree))
    path = folder / "asked.yaml"
    path.write_text(
        "name: asked\nencoder: ./encoder\nintermediate: [none]\ntargets: [ask]\n"
        "recipes: {target: {epochs: 1, batch_size: 4, num_evals: 1}}\n"
        "tasks:\n  ask:\n    format: span\n    files: 'ask-{split}-{language}.json'\n"
        "    splits: {train: [en], dev: [en], test: [en]}\n"
    )
    return path


def only(loaded: LoadedExperiment, kind: str) -> Stage:
    (stage,) = (one for one in compile_experiment(loaded).plan.stages if one.kind == kind)
    return stage


def answers(loaded: LoadedExperiment, store: Store) -> list[str]:
    rows = read_rows(store.artifact(only(loaded, "predict").key) / "predictions.parquet")
    return [row["prediction"] for row in rows]


def test_both_rules_share_one_training_and_results_name_the_rule(
    asked: Path, tmp_path: Path, run_here: Runner
) -> None:
    default, xtreme = (
        xstilts.load(str(asked), [f"recipes.target.answer_text={rule}"])
        for rule in ("subwords", "xtreme")
    )
    assert only(default, "train").key == only(xtreme, "train").key
    assert "answer_text" not in only(default, "predict").params
    store = run_here(default, tmp_path / "store")
    run_here(xtreme, tmp_path / "store")

    before, after = answers(default, store), answers(xtreme, store)
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    assert store.artifact(only(xtreme, "predict").key).facts["changed_answers"] == changed > 0
    contexts = [
        row["context"]
        for row in read_rows(
            store.artifact(only(default, "predict").inputs["rows"]) / "rows.parquet"
        )
    ]
    for short, long, context in zip(before, after, contexts, strict=True):
        assert long in context
        assert short == long or set(long.split()) <= set(context.split())

    (note,) = set(xstilts.results(xtreme, tmp_path / "store")["data_notes"])
    assert "XTREME" in note
    assert f"{changed} of 8" in note
    assert not any("XTREME" in one for one in xstilts.results(default, store.root)["data_notes"])


def test_records_of_experiments_with_the_default_rule_do_not_change(asked: Path) -> None:
    tree = xstilts.load(str(asked), []).experiment.model_dump(mode="json")
    assert "answer_text" not in json.dumps(tree)
    assert "answer_text" not in Recipe(answer_text="xtreme").key_params()


def test_a_target_can_return_to_the_default_rule(asked: Path) -> None:
    sets = ["recipes.target.answer_text=xtreme", "recipes.tasks.ask.answer_text=subwords"]
    assert "answer_text" not in only(xstilts.load(str(asked), sets), "predict").params


def test_intermediate_recipes_refuse_a_rule_for_answers(asked: Path) -> None:
    with pytest.raises(XstiltsError, match="answer_text") as caught:
        xstilts.load(str(asked), ["recipes.intermediate.answer_text=xtreme"])
    assert "recipes.target" in str(caught.value)


def test_the_recipe_of_an_encoder_can_choose_the_rule(
    asked: Path, tmp_path: Path, run_here: Runner
) -> None:
    encoder = "encoder={name: ./encoder, recipe: {answer_text: xtreme}}"
    own, shared = (
        xstilts.load(str(asked), [change])
        for change in (encoder, "recipes.target.answer_text=xtreme")
    )
    assert only(own, "predict").key == only(shared, "predict").key
    store = run_here(own, tmp_path / "store")
    (note,) = set(xstilts.results(own, store.root)["data_notes"])
    assert "XTREME" in note


def test_answers_of_xtreme_cannot_be_searched(asked: Path) -> None:
    with pytest.raises(XstiltsError, match="answer_text"):
        xstilts.load(str(asked), ["search={answer_text: [subwords, xtreme]}"])
