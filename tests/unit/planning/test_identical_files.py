"""Files of one content under several names are no evaluation and no zero-shot transfer."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.core.warn_once import forget_warnings
from xstilts.planning.compile import compile_experiment
from xstilts.planning.data_uses import (
    SELECTED_BY,
    SELECTED_BY_TRAIN,
    TEXTS_TRAINED_ON,
    TRAINED_ON,
)
from xstilts.planning.identical_files import TWO_LANGUAGES

LANGUAGES = ["en", "de", "fr"]


def warnings(
    folder: Path, caplog: pytest.LogCaptureFixture, same: tuple[str, ...], **changes: Any
) -> str:
    """What is logged if these files have the same content, and others their own."""
    for name in ("train-en", "dev-en", "dev-de", "test-en", "test-de", "test-fr"):
        (folder / f"{name}.tsv").write_text("same\ta\n" if name in same else f"{name}\ta\n")
    task = {
        "format": "classification",
        "files": "{split}-{language}.tsv",
        "splits": {"train": ["en"], "dev": ["en"], "test": LANGUAGES},
        "columns": ["text", "label"],
        "labels": ["a", "b"],
    }
    experiment = {
        "name": "x",
        "encoder": "e5-small-packaged",
        "intermediate": ["none"],
        "targets": ["mine"],
        "seeds": [0],
        "tasks": {"mine": task},
    }
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(experiment | changes))
    caplog.clear()
    forget_warnings()
    with caplog.at_level(logging.WARNING):
        compile_experiment(xstilts.load(path))
    planned = [record.getMessage() for record in caplog.records]
    caplog.clear()
    forget_warnings()
    with caplog.at_level(logging.WARNING):
        list(xstilts.check_data(str(path)))
    checked = [record.getMessage() for record in caplog.records]
    named = ("same content", "used twice")
    assert [text for text in planned if any(part in text for part in named)] == checked
    return "\n".join(planned)


def test_files_with_different_content_are_not_mentioned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "same content" not in warnings(tmp_path, caplog, ())


@pytest.mark.parametrize(
    ("same", "meaning"),
    [
        (("train-en", "test-en"), TRAINED_ON),
        (("train-en", "test-de"), TRAINED_ON),
        (("dev-en", "test-en"), SELECTED_BY),
        (("test-en", "test-de"), TWO_LANGUAGES),
    ],
)
def test_an_evaluated_file_with_the_content_of_another_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, same: tuple[str, str], meaning: str
) -> None:
    text = warnings(tmp_path, caplog, same)
    assert meaning in text
    assert all(f"{name}.tsv" in text for name in same)


def test_a_language_that_is_not_evaluated_is_not_compared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = warnings(tmp_path, caplog, ("test-en", "test-de"), languages=["de"])
    assert "same content" not in text


def test_several_languages_with_one_content_are_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = warnings(tmp_path, caplog, ("test-en", "test-de", "test-fr"))
    assert "test-en.tsv, test-de.tsv, test-fr.tsv" in text
    assert text.count(TWO_LANGUAGES) == 1


OTHER = {
    "format": "classification",
    "files": "{split}-{language}.tsv",
    "splits": {"train": ["en"], "dev": ["en"]},
    "columns": ["text", "label"],
    "labels": ["a", "b"],
}
TEXT = {"format": "masked_lm", "files": "{split}-{language}.tsv", "columns": ["text"]}
MINE = {**OTHER, "splits": {"train": ["en"], "dev": ["en"], "test": LANGUAGES}}
OF_MINE = ("mine", MINE)


@pytest.mark.parametrize(
    ("name", "task", "same", "meaning"),
    [
        ("other", {**OTHER, "split_names": {"train": "copy"}}, ("copy-en", "test-en"), TRAINED_ON),
        ("other", {**OTHER, "split_names": {"train": "copy"}}, ("copy-en", "test-de"), TRAINED_ON),
        ("other", {**OTHER, "split_names": {"dev": "copy"}}, ("copy-en", "test-en"), SELECTED_BY),
        ("other", {**OTHER, "files": "../{here}/{split}-{language}.tsv"}, ("test-en",), TRAINED_ON),
        ("text", {**TEXT, "splits": {"train": ["de"]}}, ("test-de",), TEXTS_TRAINED_ON),
        ("mine", {**MINE, "split_names": {"dev": "test"}}, ("test-en",), SELECTED_BY),
        ("mine", {**MINE, "split_names": {"dev": "train"}}, ("train-en",), SELECTED_BY_TRAIN),
        ("mine", MINE, ("train-en", "dev-en"), SELECTED_BY_TRAIN),
    ],
)
def test_a_file_that_is_used_twice_is_named(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    task: dict[str, Any],
    same: tuple[str, ...],
    meaning: str,
) -> None:
    (tmp_path / "copy-en.tsv").write_text("same\ta\n")
    path = str(task["files"]).replace("{here}", tmp_path.name)
    names = {"train": "test"} if name == "text" or path != task["files"] else {}
    task = {**task, "files": path, "split_names": {**names, **task.get("split_names", {})}}
    others = ["none", *([name] if name != "mine" else [])]
    text = warnings(tmp_path, caplog, same, tasks={"mine": MINE, name: task}, intermediate=others)
    (found,) = (line for line in text.splitlines() if line.endswith(meaning))
    assert all(f"{one}.tsv" in found for one in same)


@pytest.mark.parametrize(("test", "is_named"), [("test[50%:]", False), ("test[40%:]", True)])
def test_slices_of_one_file_are_named_if_they_have_common_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, test: str, is_named: bool
) -> None:
    task = {**MINE, "split_names": {"dev": "test"}}
    splits = {"mine": {"dev": "dev[:50%]", "test": test}}
    text = warnings(tmp_path, caplog, (), tasks={"mine": task}, splits=splits)
    assert (SELECTED_BY in text) is is_named


@pytest.mark.parametrize("same", [("train-en", "dev-en"), ("dev-en", "test-en")])
def test_a_dev_set_that_chooses_no_checkpoint_is_not_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, same: tuple[str, str]
) -> None:
    last = {"target": {"checkpoint": "last"}}
    assert "same content" not in warnings(tmp_path, caplog, same, recipes=last)


def test_the_recipe_of_an_adaptation_says_whether_its_dev_set_chooses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = {"mine": MINE, "text": {**TEXT, "splits": {"train": ["en"], "dev": ["en"]}}}
    changes = {"tasks": tasks, "encoder": {"name": "e5-small-packaged", "adapted_by": "text"}}
    recipes = {phase: {"checkpoint": "last"} for phase in ("target", "adaptation")}
    same = ("train-en", "dev-en")
    assert SELECTED_BY_TRAIN in warnings(tmp_path, caplog, same, **changes)
    assert "same content" not in warnings(tmp_path, caplog, same, **changes, recipes=recipes)


def test_few_shot_examples_of_the_evaluated_file_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    splits = {**MINE["splits"], "dev": LANGUAGES}
    task = {**MINE, "splits": splits, "split_names": {"dev": "test"}}
    shots = {"examples": [2], "split": "dev"}
    changes = {
        "tasks": {"mine": task},
        "few_shot": shots,
        "splits": {"mine": {"dev": "train[:1%]"}},
    }
    changes["splits"]["mine"]["train"] = "train[1%:]"
    text = warnings(tmp_path, caplog, (), **changes)
    assert f"test-de.tsv is used twice: {TRAINED_ON}" in text


def test_a_language_without_english_is_refused_as_training_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = {**OTHER, "splits": {"train": ["de"], "dev": ["de"]}}
    task["split_names"] = {"train": "test"}
    tasks = {"mine": MINE, "other": task}
    with pytest.raises(ConfigError, match="same file"):
        warnings(tmp_path, caplog, (), tasks=tasks, intermediate=["none", "other@de"])
