"""Own files with a column that names the language of each row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.file_task import FileTask
from xstilts.tasks.row_languages import NO_OWN_LANGUAGE, OTHER_LANGUAGES
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated


def problems(
    folder: Path, values: Sequence[object], declared: str = "en", column: str = "lang", **keys: Any
) -> RowProblems:
    """What is found in a file of the declared language with these values in a column."""
    (folder / f"test-{declared}.jsonl").write_text(
        "".join(
            json.dumps({"text": f"text {n}", "label": "ab"[n % 2], column: value}) + "\n"
            for n, value in enumerate(values)
        )
    )
    own = {
        "format": "classification",
        "files": "{split}-{language}.jsonl",
        "splits": {"test": (declared,)},
        "labels": ("a", "b"),
        **keys,
    }
    made = file_task("mine", FileTask.model_validate(own), folder)
    kept, found = validated(made.read("test", declared), made, "test", declared)
    assert len(kept) == len(values)
    return found


@pytest.mark.parametrize("column", ["lang", "Language", "locale"])
def test_rows_of_other_languages_are_noted_with_their_first_line(
    tmp_path: Path, column: str
) -> None:
    found = problems(tmp_path, ["en", "en", "de", "sw", "en-US", "de"], column=column)
    assert found.kept == {OTHER_LANGUAGES: 1}
    (message,) = found.first
    assert "test-en.jsonl:3: " in message
    assert f"column {column}: en 2, de 2, sw 1, en-US 1; all count as en" in message


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("en", ["en", "eng", "English", "en_GB", "EN"]),
        ("pt_BR", ["pt", "por"]),
        ("arz", ["ar", "arb_Arab"]),
        ("hi-Latn", ["hi", "hi"]),
        ("en", ["python", "java"]),
        ("en", [None, "", 3, 4]),
        ("xx", ["xx", "yy"]),
    ],
)
def test_the_declared_language_however_written_and_no_languages_are_not_noted(
    tmp_path: Path, declared: str, values: list[object]
) -> None:
    assert problems(tmp_path, values, declared).kept == {}


@pytest.mark.parametrize("values", [["fr", "fr"], ["fra", "German"], ["ts", "cs"]])
def test_a_file_without_rows_of_its_language_has_another_note(
    tmp_path: Path, values: list[str]
) -> None:
    found = problems(tmp_path, values)
    assert found.kept == {NO_OWN_LANGUAGE: 1}
    (message,) = found.first
    assert "test-en.jsonl:1: " in message
    assert "all count as en" in message


@pytest.mark.parametrize("other", ["", None, "python"])
def test_one_row_of_another_language_says_nothing_of_rows_without(
    tmp_path: Path, other: object
) -> None:
    found = problems(tmp_path, [*[other] * 99, "fr"])
    assert found.kept == {OTHER_LANGUAGES: 1}
    assert "test-en.jsonl:100: " in found.first[0]


def test_a_file_that_says_which_language_each_text_is_in_is_read(tmp_path: Path) -> None:
    """A file for language identification, with the gold label under two names."""
    found = problems(tmp_path, ["fr", "de"] * 3, column="language", labels=("a", "b"))
    assert found.left_out == {}


def test_a_renamed_column_and_a_column_of_labels_say_something_else(tmp_path: Path) -> None:
    assert problems(tmp_path, ["fr", "fr"], rename={"lang": "translated_from"}).kept == {}
    columns = {"label": "kind", "lang": "label"}
    assert problems(tmp_path, ["fr", "de"], rename=columns, labels=("fr", "de")).kept == {}
