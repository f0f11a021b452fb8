"""R14: each kind of bad row among good ones is left out or kept by a rule, with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import DataError
from xstilts.formats.base import Example
from xstilts.formats.tagging import SOME_UNTAGGED, TAGGING
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

GOOD = 99
TEXTS = {"format": "classification", "columns": ("text", "label"), "labels": ("a", "b")}
PAIRS = {**TEXTS, "columns": ("text", "text_pair", "label")}
TAGS = {"format": "tagging", "labels": ("O", "B-q", "I-q")}


def lines(settings: dict[str, Any]) -> list[str]:
    """Good rows in the form of a bad one's file."""
    rows = {
        "classification": [f"text {n}\ta" for n in range(GOOD)],
        "tagging": [row(id=f"g{n}", tokens=[f"w{n}"], tags=["B-q"]) for n in range(GOOD)],
    }
    if "text_pair" in settings.get("columns", ()):
        return [f"text {n}\tother\ta" for n in range(GOOD)]
    return rows[settings["format"]]


def row(**values: Any) -> str:
    return json.dumps(values)


def read(
    folder: Path, settings: dict[str, Any], ending: str, data: bytes
) -> tuple[list[Example], RowProblems]:
    (folder / f"train-en.{ending}").write_bytes(data)
    files = {"files": "{split}-{language}." + ending, "splits": {"train": ["en"], "test": ["en"]}}
    made = file_task("mine", FileTask.model_validate(settings | files), folder)
    examples, problems = validated(made.read("train", "en"), made, "train", "en")
    return list(examples), problems


@pytest.mark.parametrize(
    ("settings", "ending", "bad", "problem"),
    [
        (TEXTS, "tsv", "one\0two\ta", "NUL character"),
        (TEXTS, "tsv", "one  a", "wrong number of columns"),
        (TEXTS, "tsv", "one\ttwo\ta", "wrong number of columns"),
        (TEXTS, "tsv", "one\tc", "label outside the set"),
        (PAIRS, "tsv", "\tother\ta", "empty text"),
        (TAGS, "jsonl", row(id="x", tokens=["\ud800"], tags=["O"]), "not valid Unicode"),
        (TAGS, "jsonl", row(id="g5", tokens=["new"], tags=["O"]), "duplicate id"),
        (TAGS, "jsonl", row(id="x", tokens=["one", "two"], tags=["O"]), "differ in number"),
        (TAGS, "jsonl", row(id="x", tokens=["one", "two"], tags=["B-q", ""]), "no tag"),
    ],
)
def test_a_bad_row_is_left_out_and_counted_with_its_line(
    tmp_path: Path, settings: dict[str, Any], ending: str, bad: str, problem: str
) -> None:
    data = "\n".join([*lines(settings), bad]).encode()
    examples, problems = read(tmp_path, settings, ending, data)
    assert len(examples) == GOOD
    ((text, count),) = problems.left_out.items()
    assert (problem in text, count) == (True, 1)
    assert problems.messages[text][0].startswith(f"{tmp_path}/train-en.{ending}:{GOOD + 1}: ")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_sentence_with_some_tags_is_left_out_and_one_without_tags_is_predicted(
    tmp_path: Path, split: str
) -> None:
    path = tmp_path / f"{split}-en.conll"
    good = "".join(f"a{n}\tB-q\nb\tO\n\n" for n in range(GOOD))
    path.write_text("the\tO\ncat\t\nran\tB-q\n\n" + good + "one\t\ntwo\t\n\n")
    files = {"files": "{split}-{language}.conll", "splits": {split: ["en"]}}
    made = file_task("mine", FileTask.model_validate(TAGS | files), tmp_path)
    kept, problems = validated(made.read(split, "en"), made, split, "en")
    assert problems.left_out[SOME_UNTAGGED] == 1
    assert problems.messages[SOME_UNTAGGED][0].startswith(f"{path}:1: ")
    assert len(kept) == GOOD + (split == "test")


def test_a_line_of_xtreme_without_its_tag_is_a_problem_of_its_sentence(tmp_path: Path) -> None:
    path = tmp_path / "en.tsv"
    path.write_text("the\tDET\ncat\nruns\tVERB\n\nthe\ncat\n\n")
    labels = frozenset({"DET", "NOUN", "VERB"})
    found = [list(TAGGING.problems(one, labels, "test")) for one in read_tagged((1, 2))(path, "s")]
    assert found == [[(SOME_UNTAGGED, "word 2 of 3")], []]


def test_a_tag_that_continues_nothing_is_kept_and_counted_with_its_line(tmp_path: Path) -> None:
    bad = row(id="x", tokens=["one", "two"], tags=["O", "I-q"])
    examples, problems = read(tmp_path, TAGS, "jsonl", "\n".join([*lines(TAGS), bad]).encode())
    assert len(examples) == GOOD + 1
    ((text, count),) = problems.kept.items()
    assert ("without its B-" in text, count) == (True, 1)
    assert f":{GOOD + 1}: " in problems.messages[text][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"text 7\t", b"x" * 1_000_000 + b"\t"),
    ],
    ids=["byte-order mark", "CRLF", "a token of 1 MB"],
)
def test_unusual_files_are_read(tmp_path: Path, change: Any) -> None:
    examples, problems = read(tmp_path, TEXTS, "tsv", change("\n".join(lines(TEXTS)).encode()))
    assert len(examples) == GOOD
    assert not problems.left_out


def test_other_encodings_and_many_bad_rows_are_errors_with_their_lines(tmp_path: Path) -> None:
    good = "\n".join(lines(TEXTS)).encode()
    with pytest.raises(DataError, match=f"train-en.tsv:{GOOD + 1}"):
        read(tmp_path, TEXTS, "tsv", good + b"\ncaf\xe9\ta\n")
    with pytest.raises(DataError, match="train-en.tsv:2"):
        read(tmp_path, TEXTS, "tsv", b"good\ta\n" + b"bad\tc\n" * 10)
