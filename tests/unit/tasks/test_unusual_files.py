"""Files of other layouts, which would give examples that mean something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import DataError
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.row_filter import BLANK_GOLD
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows, validated


def made(folder: Path, ending: str, **changes: Any) -> TaskSpec:
    settings = {
        "format": "classification",
        "files": f"{{split}}.{ending}",
        "splits": {"train": ("en",), "test": ("en",)},
    }
    return file_task("mine", FileTask.model_validate(settings | changes), folder)


def tagged(folder: Path, text: str) -> TaskSpec:
    (folder / "train.txt").write_text(text)
    columns, labels = ("tokens", "tags"), ("O", "B-X")
    return made(folder, "txt", format="tagging", columns=columns, labels=labels)


@pytest.mark.parametrize("blank", ["\n", " \n", "\r\n"])
def test_a_word_in_each_line_is_not_read_as_sentences(tmp_path: Path, blank: str) -> None:
    task = tagged(tmp_path, f"Eve\tB-X\nleft\tO\n{blank}Ada\tB-X\nstayed\tO\n")
    with pytest.raises(DataError, match=r"train\.txt: a word in each line"):
        list(task.read("train", "en"))


def test_a_word_in_each_line_of_csv_is_not_read_as_sentences(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("Eve,B-X\nleft,O\n\nAda,B-X\n")
    columns, labels = ("tokens", "tags"), ("O", "B-X")
    task = made(tmp_path, "csv", format="tagging", columns=columns, labels=labels)
    with pytest.raises(DataError, match=r"train\.csv: a word in each line"):
        list(task.read("train", "en"))


@pytest.mark.parametrize("text", ["Eve left\tB-X O\n\nWait\tO\n", "Eve\tB-X\nWait\tO\n\n"])
def test_sentences_of_one_word_are_read(tmp_path: Path, text: str) -> None:
    assert len(list(tagged(tmp_path, text).read("train", "en"))) == 2


def squad(folder: Path, *questions: dict[str, Any]) -> TaskSpec:
    numbered = [
        {"id": str(number), "question": f"who {number}?", **question}
        for number, question in enumerate(questions)
    ]
    tree = {"data": [{"paragraphs": [{"context": "Ada saw Eve.", "qas": numbered}]}]}
    (folder / "test.json").write_text(json.dumps(tree))
    return made(folder, "json", format="span")


@pytest.mark.parametrize("name", ["answer", "Answers", "ANSWER"])
def test_answers_under_another_name_do_not_make_an_unlabelled_test_set(
    tmp_path: Path, name: str
) -> None:
    task = squad(tmp_path, {name: [{"text": "Ada", "answer_start": 0}]})
    kept, problems, _ = filter_rows(task.read("test", "en"), task, "test")
    assert kept == []
    assert name in str(problems.first)


def test_a_question_without_answers_among_others_is_counted_and_not_scored(tmp_path: Path) -> None:
    answered = {"answers": [{"text": "Ada", "answer_start": 0}]}
    task = squad(tmp_path, answered, {"answers": []}, {"answers": [{"text": ""}]})
    kept, problems, _ = filter_rows(task.read("test", "en"), task, "test")
    assert len(kept) == 3
    assert problems.kept == {BLANK_GOLD: 2}


def test_dates_that_python_cannot_hold_are_an_error_in_words(tmp_path: Path) -> None:
    dates = pa.array([3 * 10**12], type=pa.timestamp("s"))
    pq.write_table(
        pa.table({"text": ["x"], "label": ["a"], "date": dates}), tmp_path / "train.parquet"
    )
    task = made(tmp_path, "parquet", labels=("a", "b"))
    with pytest.raises(DataError, match=r"train\.parquet: not readable as Parquet"):
        validated(task.read("train", "en"), task, "train", "en")
