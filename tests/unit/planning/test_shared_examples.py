"""Rows that are evaluated and trained on are named before a run, whatever file they are in."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.core.warn_once import forget_warnings
from xstilts.planning.data_uses import SELECTED_BY, SELECTED_BY_TRAIN, TRAINED_ON
from xstilts.planning.shared_examples import TRAINED_BEFORE

LABELS = ["a", "b"]


def task(name: str, splits: dict[str, list[str]]) -> dict[str, Any]:
    """An own task with a file per split and language."""
    return {
        "format": "classification",
        "files": f"{name}-{{split}}-{{language}}.tsv",
        "splits": splits,
        "columns": ["text", "label"],
        "labels": LABELS,
    }


USUAL = {"train": ["en"], "dev": ["en"], "test": ["en", "de"]}


def checked(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    files: dict[str, str],
    tasks: dict[str, Any],
    **changes: Any,
) -> list[str]:
    """The warnings of `data check`; a file has a row for each letter."""
    for name, letters in files.items():
        lines = [f"text {one}\t{LABELS[n % 2]}\n" for n, one in enumerate(letters)]
        (folder / f"{name}.tsv").write_text("".join(lines))
    experiment = {
        "name": "x",
        "encoder": "e5-small-packaged",
        "intermediate": ["none"],
        "targets": ["mine"],
        "seeds": [0],
        "tasks": tasks,
    }
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(experiment | changes))
    forget_warnings()
    with caplog.at_level(logging.WARNING):
        list(xstilts.check_data(str(path)))
    return [record.getMessage() for record in caplog.records]


MINE = {"mine-train-en": "abcd", "mine-dev-en": "ef", "mine-test-en": "ghi", "mine-test-de": "jkl"}


@pytest.mark.parametrize(
    ("file", "letters", "judged", "count", "line", "meaning"),
    [
        ("mine-test-en", "gabi", "mine test en", "2 of 4", 2, TRAINED_ON),
        ("mine-test-de", "jak", "mine test de", "1 of 3", 2, TRAINED_ON),
        ("mine-test-en", "gef", "mine test en", "2 of 3", 2, SELECTED_BY),
        ("mine-dev-en", "ecdf", "mine dev en", "2 of 4", 2, SELECTED_BY_TRAIN),
    ],
)
def test_common_rows_are_counted_and_the_first_is_named(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    file: str,
    letters: str,
    judged: str,
    count: str,
    line: int,
    meaning: str,
) -> None:
    (text,) = checked(tmp_path, caplog, MINE | {file: letters}, {"mine": task("mine", USUAL)})
    assert text.startswith(f"{judged}: {count} ")
    assert f"{file}.tsv:{line}" in text
    assert text.endswith(meaning)


def test_distinct_rows_are_not_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert checked(tmp_path, caplog, MINE, {"mine": task("mine", USUAL)}) == []


def test_an_intermediate_task_with_evaluated_rows_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = MINE | {"other-train-en": "ghz", "other-dev-en": "xy"}
    trained = {"train": ["en"], "dev": ["en"]}
    tasks = {"mine": task("mine", USUAL), "other": task("other", trained)}
    (text,) = checked(tmp_path, caplog, files, tasks, intermediate=["none", "other"])
    assert text.startswith("mine test en: 2 of 3 ")
    assert "other train en" in text


def test_equal_rows_in_two_slices_of_one_file_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Slices are chosen by line, so that they may separate rows of one text."""
    splits = {"mine": {"train": "all[:50%]", "dev": "all[50%:60%]", "test": "all[60%:]"}}
    given = {"mine-all-en": "a" * 40}, {"mine": task("mine", {"all": ["en"]})}
    texts = checked(tmp_path, caplog, *given, splits=splits)
    assert [text.partition(": ")[0] for text in texts] == [
        "mine all[60%:] en",
        "mine all[60%:] en",
        "mine all[50%:60%] en",
    ]
    assert all("of 40" not in text for text in texts)


def test_the_same_file_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = MINE | {"mine-test-en": MINE["mine-train-en"]}
    (text,) = checked(tmp_path, caplog, files, {"mine": task("mine", USUAL)})
    assert "same content" in text


def test_files_that_cannot_be_read_are_left_to_their_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine-train-en.tsv").write_bytes(b"\xff\xfe\n")
    files = {name: text for name, text in MINE.items() if name != "mine-train-en"}
    assert checked(tmp_path, caplog, files, {"mine": task("mine", USUAL)}) == []


@pytest.mark.parametrize(
    ("train", "setting", "count"),
    [
        ("dcba", "other", "4 of 4"),
        ("xyab", "other+snli", "2 of 4"),
        ("wxyz", "other", ""),
        ("dcba", "other-shuffled-labels", ""),
        ("dcba", "mine > snli", ""),
    ],
)
def test_rows_of_the_targets_training_in_an_intermediate_one_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, train: str, setting: str, count: str
) -> None:
    files = {**MINE, "other-train-en": train, "other-dev-en": "uv"}
    other = task("other", {"train": ["en"], "dev": ["en"]})
    tasks = {"mine": task("mine", USUAL), "other": other}
    found = checked(tmp_path, caplog, files, tasks, intermediate=["none", setting])
    shared = [text for text in found if text.endswith(TRAINED_BEFORE)]
    assert len(shared) == bool(count)
    assert all(text.startswith(f"mine train en: {count} examples") for text in shared)
