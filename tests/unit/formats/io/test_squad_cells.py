"""Cells of questions in SQuAD's JSON and on the hub: one rule for both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.formats.base import BadRow
from xstilts.formats.io.squad import hub_questions, read_squad
from xstilts.formats.span import SPAN, SpanExample

CONTEXT = "a cat and a dog"
CAT = {"text": "cat", "answer_start": 2}


def read(folder: Path, *questions: Any, split: str = "train", context: Any = CONTEXT) -> list[Any]:
    named = [
        {"id": f"q{n}", "question": "what?", **question} for n, question in enumerate(questions)
    ]
    tree = {"data": [{"paragraphs": [{"context": context, "qas": named}]}]}
    path = folder / "a.json"
    path.write_text(json.dumps(tree))
    return sorted(read_squad(path, split), key=lambda found: found.id)


def problem(found: Any, labels: frozenset[str] = frozenset(), split: str = "train") -> str:
    """The kind of the first problem; blank if the row is usable."""
    if isinstance(found, BadRow):
        return found.problem
    return next((kind for kind, _ in SPAN.problems(found, labels, split)), "")


@pytest.mark.parametrize(
    "answers",
    [
        [CAT],
        CAT,
        {"text": ["cat"], "answer_start": [2]},
        [{"text": "cat", "answer_start": "2"}],
        [{"text": "cat", "answer_start": 2.0}],
        [{"text": "cat", "answer_start": 5}],
        [{"text": "cat", "answer_start": -40}],
        [{"text": "cat"}],
        [{"text": "cat", "answer_start": None}],
    ],
)
def test_an_answer_is_found_however_it_is_written(tmp_path: Path, answers: Any) -> None:
    (found,) = read(tmp_path, {"answers": answers})
    assert (found.answers, found.starts, problem(found)) == (("cat",), (2,), "")


@pytest.mark.parametrize("value", ["false", "False", False, 0, None, "0"])
def test_a_question_that_is_not_impossible_keeps_its_answer(tmp_path: Path, value: Any) -> None:
    (found,) = read(tmp_path, {"answers": [CAT], "is_impossible": value})
    assert found.answers == ("cat",)


@pytest.mark.parametrize("value", ["true", "TRUE", True, 1])
def test_an_impossible_question_has_no_answer(tmp_path: Path, value: Any) -> None:
    (found,) = read(tmp_path, {"answers": [CAT], "is_impossible": value})
    assert found.answers == ()


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ({}, "no 'answers'"),
        ({"answers": None}, "no 'answers'"),
        ({"answers": "cat"}, "'answers' is not a list"),
        ({"answers": ["cat"]}, "no 'text'"),
        ({"answers": [{"text": "a"}]}, "an answer without 'answer_start' occurs several times"),
        (
            {"answers": [{"text": "cat", "answer_start": "x"}]},
            "'answer_start' is not a number: 'x'",
        ),
        (
            {"answers": [{"text": "cat", "answer_start": True}]},
            "'answer_start' is not a number: True",
        ),
        ({"answers": [{"text": ["cat"], "answer_start": 2}]}, "'text' is not text"),
        (
            {"answers": [CAT], "is_impossible": "maybe"},
            "'is_impossible' is not true or false: 'maybe'",
        ),
        ({"answers": [CAT], "question": None}, "empty text"),
        ({"answers": [CAT], "question": {}}, "'question' is not text"),
        ({"answers": [CAT], "question": "\ud800"}, "text that is not valid Unicode"),
        ({"answers": [CAT], "id": "\ud800"}, "text that is not valid Unicode"),
        ({"answers": [{"text": "bird", "answer_start": 2}]}, "answer not in its context"),
    ],
)
def test_a_question_without_certain_meaning_is_a_bad_row(
    tmp_path: Path, question: Any, kind: str
) -> None:
    rows = read(tmp_path, {"answers": [CAT]}, question)
    assert sorted(map(problem, rows)) == ["", kind]
    (bad,) = (row for row in rows if problem(row))
    assert bad.where == f"{tmp_path}/a.json: data[0].paragraphs[0].qas[1]"


@pytest.mark.parametrize("context", [None, 12, ["a"], float("nan")])
def test_a_context_that_is_no_text_makes_bad_rows(tmp_path: Path, context: Any) -> None:
    (found,) = read(tmp_path, {"answers": [CAT]}, context=context)
    assert problem(found)


def test_answers_that_differ_in_normalisation_are_named_so(tmp_path: Path) -> None:
    answer = {"text": "H\u00e0 N\u1ed9i", "answer_start": 0}
    (found,) = read(tmp_path, {"answers": [answer]}, context="Ha\u0300 No\u0323\u0302i is big")
    assert "normalisation" in problem(found)


def test_a_test_set_needs_neither_answers_nor_starts(tmp_path: Path) -> None:
    (found,) = read(tmp_path, {}, split="test")
    assert SPAN.gold_is_blank([found.answers])
    assert problem(found, split="test") == ""
    (found,) = read(tmp_path, {"answers": [{"text": "a bird"}]}, split="test")
    assert problem(found, split="test") == ""


def test_a_test_question_that_alone_has_no_answers_is_a_bad_row(tmp_path: Path) -> None:
    rows = read(tmp_path, {"answers": [CAT]}, {}, split="test")
    assert sorted(map(problem, rows)) == ["", "no 'answers'"]


@pytest.mark.parametrize("start", [0, 2, 7, -1])
def test_files_and_hub_find_the_same_start(tmp_path: Path, start: int) -> None:
    (local,) = read(tmp_path, {"answers": [{"text": "cat", "answer_start": start}]})
    columns = {
        "id": ["q0"],
        "question": ["what?"],
        "context": [CONTEXT],
        "answers": [{"text": ["cat"], "answer_start": [start]}],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (hub,) = hub_questions()(tmp_path / "a.parquet", "train")
    assert isinstance(hub, SpanExample)
    assert (hub.answers, hub.starts) == (local.answers, local.starts) == (("cat",), (2,))
