"""SQuAD as retrieval: the sentence of the first answer, with its paragraph as context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.formats.base import BadRow
from xstilts.formats.dual_encoder import PassageExample
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.testing.tasks import check_task

CONTEXT = "{0} is a river. Its source is in the hills of {0}.  Boats sail on it."
PLACES = ("Aare", "Bode", "Cam", "Drava", "Elbe", "Fulda")


def question(number: int, place: str, text: str, answer: str, *more: str) -> dict[str, Any]:
    context = CONTEXT.format(place)
    answers = [{"text": part, "answer_start": context.index(part)} for part in (answer, *more)]
    return {"id": f"{place}-{number}", "question": f"{text} {place}?", "answers": answers}


def paragraph(place: str) -> dict[str, Any]:
    questions = [
        question(1, place, "Where is the source of", "in the hills", "river"),
        question(2, place, "What sails on", "Boats"),
    ]
    return {"context": CONTEXT.format(place), "qas": questions}


@pytest.fixture
def task(tmp_path: Path) -> TaskSpec:
    (tmp_path / "squad").mkdir()
    splits = {"train-v1.1": PLACES[:3], "dev-v1.1.minus-xquad": PLACES[3:5], "dev-v1.1": PLACES}
    for name, places in splits.items():
        tree = {"data": [{"paragraphs": [paragraph(place) for place in places]}]}
        (tmp_path / "squad" / f"{name}.json").write_text(json.dumps(tree), encoding="utf-8")
    found = TASKS.get("squad-retrieval")
    assert found.with_data_dir
    return found.with_data_dir(tmp_path)


def test_the_task_keeps_its_contract(task: TaskSpec) -> None:
    check_task(task)


def test_the_passage_is_the_sentence_of_the_first_answer(task: TaskSpec) -> None:
    examples = {example.id: example for example in task.read("train", "en")}
    assert len(examples) == 6
    example = examples["Cam-1"]
    assert isinstance(example, PassageExample)
    assert example.query == "Where is the source of Cam?"
    assert example.passage == "Its source is in the hills of Cam."
    assert example.context == CONTEXT.format("Cam")
    other = examples["Cam-2"]
    assert isinstance(other, PassageExample)
    assert other.passage == "Boats sail on it."


def test_dev_is_the_copy_without_the_articles_of_xquad(task: TaskSpec) -> None:
    assert {one.id.partition("-")[0] for one in task.read("dev", "en")} == {"Drava", "Elbe"}


def test_questions_of_a_paragraph_are_in_one_slice(task: TaskSpec) -> None:
    keys = [task.alignment_key(example) for example in task.read("train", "en")]
    assert len(set(keys)) == 3
    assert all(keys[n] == keys[n + 1] for n in range(0, 6, 2))


def test_an_answer_between_sentences_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "squad").mkdir()
    given = paragraph("Cam")
    start = given["context"].index("  ")
    given["qas"][0]["answers"] = [{"text": "nowhere", "answer_start": start}]
    path = tmp_path / "squad" / "train-v1.1.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [given]}]}), encoding="utf-8")
    found = TASKS.get("squad-retrieval")
    assert found.with_data_dir
    rows = list(found.with_data_dir(tmp_path).read("train", "en"))
    assert [row.problem for row in rows if isinstance(row, BadRow)] == [
        "answer outside of every sentence"
    ]
