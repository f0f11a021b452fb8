"""Confusions and worst examples of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.reports.answered_tests import (
    LONGEST,
    NOTHING_FOUND,
    AnsweredTest,
    answer_text,
    answered_tests,
    shortened,
    text_of,
)
from xstilts.reports.confusion import NO_SPAN, TargetConfusion, target_confusion
from xstilts.reports.worst_examples import WorstExamples, worst_examples

Rows = dict[str, tuple[str, Any, Any]]
"""Id → text, gold answer, prediction."""


@dataclass
class FakeTest:
    """The answers of one seed without a store."""

    language: str
    answers: Rows
    class_of: str = "text"
    cells: list[Any] = field(default_factory=lambda: [SimpleNamespace(seed=3)])

    @property
    def gold_spec(self) -> Any:
        return SimpleNamespace(class_of=self.class_of, column="label")

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {
            name: {"id": name, "text": text, "label": gold}
            for name, (text, gold, _) in self.answers.items()
        }

    def gold(self, name: str) -> Any:
        return self.answers[name][1]

    @cached_property
    def first_predictions(self) -> dict[str, Any]:
        return {name: answer for name, (_, _, answer) in self.answers.items()}

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        yield from ((gold, answer) for _, gold, answer in self.answers.values())

    @property
    def scores(self) -> dict[str, float]:
        return {name: float(g == p) for name, (_, g, p) in self.answers.items()}

    @property
    def seed_scores(self) -> list[dict[str, float]]:
        return [self.scores]


def fake(language: str, answers: Rows, class_of: str = "text") -> AnsweredTest:
    return cast(AnsweredTest, FakeTest(language, answers, class_of))


def confusion(*tests: AnsweredTest) -> TargetConfusion:
    found = target_confusion("t", "none", tests)
    assert found
    return found


def test_a_matrix_has_percents_of_each_gold_label() -> None:
    german = fake("de", {"1": ("", "a", "a"), "2": ("", "a", "b"), "3": ("", "b", "b")})
    (matrix,) = confusion(german).matrices
    shown = {label: [cell.text for cell in cells] for label, cells in matrix.rows}
    assert shown == {"a": ["50", "50"], "b": ["0", "100"]}
    assert matrix.language == "German (de)"
    assert matrix.right == "67"


def test_english_is_the_first_matrix() -> None:
    answers: Rows = {"1": ("", "a", "b")}
    found = confusion(fake("de", answers), fake("en", answers))
    assert [one.language for one in found.matrices] == ["English (en)", "German (de)"]


def test_many_classes_are_listed_by_frequency() -> None:
    answers: Rows = {str(n): ("", f"c{n}", f"c{n}") for n in range(8)}
    answers |= {"x": ("", "c1", "c2"), "y": ("", "c1", "c2"), "z": ("", "c5", "c6")}
    found = confusion(fake("de", answers))
    assert found.matrices == ()
    assert found.lists[0].confusions == ("c1 → c2 (67 %)", "c5 → c6 (50 %)")


def test_words_outside_of_spans_in_both_do_not_count() -> None:
    answers: Rows = {"1": ("", ["O", "B-x", "I-x", "O"], ["O", "B-x", "O", "B-y"])}
    found = confusion(fake("de", answers, "word"))
    assert found.unit == "words"
    assert found.matrices[0].right == "33"
    assert set(found.labels) == {"x", "y", NO_SPAN}


def test_answers_that_are_no_labels_have_no_confusion() -> None:
    assert target_confusion("t", "none", [fake("de", {"1": ("", "a", "a")}, "")]) is None


def worst(english: Rows, other: Rows) -> WorstExamples:
    found = worst_examples("t", {"none": [fake("en", english), fake("sw", other)]})
    assert found
    return found


def test_translations_are_paired_by_id_and_ordered_by_loss() -> None:
    english: Rows = {"1": ("one", "a", "b"), "2": ("two", "a", "a"), "3": ("three", "b", "b")}
    swahili: Rows = {"1": ("moja", "a", "b"), "2": ("mbili", "a", "b"), "3": ("tatu", "b", "b")}
    found = worst(english, swahili)
    assert found.are_parallel
    assert [[one.id for one in row] for row in found.rows] == [["2", "2"], ["1", "1"]]
    first, second = found.rows[0]
    assert (first.text, second.text) == ("two", "mbili")
    assert [one.is_right for one in (*first.answers, *second.answers)] == [True, False]
    assert found.seed == 3


def test_tests_of_other_ids_are_not_paired() -> None:
    found = worst({"en-1": ("one", "a", "b")}, {"sw-7": ("moja", "a", "b")})
    assert not found.are_parallel
    assert [one.id for one in found.rows[0]] == ["en-1", "sw-7"]


def test_equal_ids_with_other_labels_are_no_translations() -> None:
    english: Rows = {str(n): ("x", "a", "b") for n in range(4)}
    other: Rows = {str(n): ("y", "b", "a") for n in range(4)}
    assert not worst(english, other).are_parallel


def test_the_second_language_is_the_one_with_the_lowest_score() -> None:
    right: Rows = {"1": ("x", "a", "a")}
    wrong: Rows = {"1": ("x", "a", "b")}
    tests = [fake("en", right), fake("de", right), fake("sw", wrong)]
    found = worst_examples("t", {"none": tests})
    assert found
    assert found.second == "Swahili"


def test_a_target_without_errors_has_no_worst_example() -> None:
    right: Rows = {"1": ("x", "a", "a")}
    assert worst_examples("t", {"none": [fake("en", right), fake("de", right)]}) is None


def test_tags_are_shown_as_spans() -> None:
    row = {"tokens": ["turn", "on", "desk", "lamp"]}
    assert answer_text(["O", "O", "B-name", "I-name"], row) == "name: desk lamp"
    assert answer_text(["O"] * 4, row) == NOTHING_FOUND
    assert answer_text(["B-a", "B-a", "O", "B-b"], row) == "a: turn; a: on; b: lamp"


def test_long_texts_are_shortened() -> None:
    assert len(shortened("word " * 500)) <= LONGEST
    assert text_of({"id": "1", "text": "a\nb", "label": "x", "n": 3}, "label") == "a b"


def test_answers_of_a_store_are_those_of_its_predictions(
    small: LoadedExperiment, finished: Path
) -> None:
    compiled = compile_experiment(small)
    tests = answered_tests(compiled, Store(finished), "toy-kind", "none")
    assert {test.language for test in tests} == {"en", "xx"}
    results = xstilts.results(small, finished)
    for test in tests:
        of = results[(results["language"] == test.language) & (results["target"] == "toy-kind")]
        accuracy = of[of["intermediate"] == "none"]["value"].iloc[0]
        scores = list(test.scores.values())
        assert sum(scores) / len(scores) == pytest.approx(accuracy)
        right = [gold == answer for gold, answer in test.pairs()]
        assert sum(right) / len(right) == pytest.approx(accuracy)
    assert answered_tests(compiled, Store(finished), "toy-search", "none") == []


def test_the_page_has_both_sections(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    text = xstilts.report(small, tmp_path / "x.html", finished).read_text("utf-8")
    assert '<section id="confusion">' in text
    assert '<a href="#confusion">' in text
    assert text.count('<table class="confusion plain">') == 2
