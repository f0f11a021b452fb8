"""Files of one content under several names are no evaluation and no zero-shot transfer."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.core.warn_once import forget_warnings
from xstilts.planning.compile import compile_experiment
from xstilts.planning.identical_files import SELECTED_BY, TRAINED_ON, TWO_LANGUAGES

LANGUAGES = ["en", "de", "fr"]


def warnings(
    folder: Path, caplog: pytest.LogCaptureFixture, same: tuple[str, ...], **changes: Any
) -> str:
    """What is logged if these files have the same content, and others their own."""
    for name in ("train-en", "dev-en", "test-en", "test-de", "test-fr"):
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
    forget_warnings()
    with caplog.at_level(logging.WARNING):
        compile_experiment(xstilts.load(path))
    planned = [record.getMessage() for record in caplog.records]
    caplog.clear()
    forget_warnings()
    with caplog.at_level(logging.WARNING):
        list(xstilts.check_data(str(path)))
    checked = [record.getMessage() for record in caplog.records]
    assert [text for text in planned if "same content" in text] == checked
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
