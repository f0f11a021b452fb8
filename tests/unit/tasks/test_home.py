"""The suite `home`: splits, spans, alignment and labels in real sentences."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from xstilts.languages import suite
from xstilts.metrics.spans import spans
from xstilts.tasks import TASKS
from xstilts.tasks.home.lexicon import languages
from xstilts.tasks.home.sampling import corpus, round_robin
from xstilts.tasks.home.slots import words
from xstilts.testing.tasks import check_task

HOME = ("home-intents", "home-slots", "home-nli", "home-retrieval")
SOME = ("en", "de", "th", "tr")


@pytest.mark.parametrize("name", HOME)
def test_home_tasks_pass_check_task(name: str) -> None:
    check_task(TASKS.get(name), languages=SOME)


def test_the_home_suite_has_thirty_languages_besides_english() -> None:
    assert len(languages()) == 31
    assert {one.code for one in suite("home")} == set(languages())
    for name in HOME:
        assert set(TASKS.get(name).languages) == set(languages())


def test_english_splits_share_no_template_and_no_text() -> None:
    parts = {split: corpus("en", split) for split in ("train", "dev", "test")}
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        for what in ("template", "text"):
            left = {(s.cell, getattr(s, what).casefold()) for s in parts[one]}
            right = {(s.cell, getattr(s, what).casefold()) for s in parts[other]}
            assert not left & right
    assert len(parts["train"]) > 5000
    assert all(len(part) > 1000 for part in parts.values())


def test_slot_spans_cover_the_inserted_text() -> None:
    for language in SOME:
        for sentence in corpus(language, "test")[:300]:
            for span in sentence.spans:
                piece = sentence.text[span.start : span.end]
                assert piece
                assert piece == piece.strip()


def test_no_text_has_two_intents() -> None:
    for language in SOME:
        intents: dict[str, str] = {}
        for sentence in corpus(language, "test"):
            assert intents.setdefault(sentence.text, sentence.cell.intent) == sentence.cell.intent


def test_the_first_sentences_are_a_balanced_sample() -> None:
    examples = list(TASKS.get("home-intents").read("train", "en"))[:400]
    counts = Counter(example.label for example in examples)  # type: ignore[union-attr]
    assert len(counts) >= 40
    assert max(counts.values()) <= 3 * 400 / len(counts)


def test_tags_are_spans_of_the_words() -> None:
    for language in SOME:
        for example in list(TASKS.get("home-slots").read("test", language))[:100]:
            tags = example.tags  # type: ignore[union-attr]
            assert all(
                tag[2:] == tags[place - 1][2:] for place, tag in enumerate(tags) if tag[0] == "I"
            )
            assert len(spans(tags)) == sum(tag.startswith("B-") for tag in tags)


def test_scripts_without_spaces_are_tokenized_into_characters() -> None:
    thai = "เปิดไฟ ok"
    found = [thai[start:end] for start, end in words(thai)]
    assert found == ["เ", "ปิ", "ด", "ไ", "ฟ", "ok"]
    assert [("打开 TV灯")[a:b] for a, b in words("打开 TV灯")] == ["打", "开", "TV", "灯"]
    assert [("turn on")[a:b] for a, b in words("turn on")] == ["turn", "on"]


def test_nli_pairs_are_balanced_and_correctly_labelled() -> None:
    examples = list(TASKS.get("home-nli").read("dev", "en"))
    counts = Counter(example.label for example in examples)  # type: ignore[union-attr]
    assert abs(counts["entailment"] - counts["not_entailment"]) <= 0.02 * len(examples)
    meaning = {one.text: one.meaning for one in corpus("en", "dev")}
    for example in examples:
        same = meaning[example.text] == meaning[example.text_pair]  # type: ignore[union-attr]
        assert same == (example.label == "entailment")  # type: ignore[union-attr]


def test_retrieval_has_an_answer_for_most_queries() -> None:
    english = {one.meaning for one in TASKS.get("home-retrieval").read("test", "en")}  # type: ignore[union-attr]
    for language in SOME[1:]:
        here = [one.meaning for one in TASKS.get("home-retrieval").read("test", language)]  # type: ignore[union-attr]
        assert sum(meaning in english for meaning in here) == len(here) >= 200
        assert max(Counter(here).values()) <= 2


def test_generated_sentences_do_not_depend_on_the_process() -> None:
    code = (
        "from xstilts.tasks import TASKS\nfrom xstilts.core.hashing import digest_of\n"
        "from dataclasses import astuple\n"
        "print(digest_of([astuple(e) for e in TASKS.get('home-intents').read('test', 'tr')]))"
    )
    digests = set()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PATH": ""}
        command = [sys.executable, "-c", code]
        digests.add(subprocess.check_output(command, env=environment))
    assert len(digests) == 1


def test_round_robin_alternates_between_lists() -> None:
    assert list(round_robin([[1, 2, 3], [4], [5, 6]])) == [1, 4, 5, 2, 6, 3]
    assert list(round_robin([])) == []
