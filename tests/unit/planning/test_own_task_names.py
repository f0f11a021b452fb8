"""Own tasks named like built-in ones, and languages that are not given by their codes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml

import xstilts
from xstilts.core.warn_once import forget_warnings
from xstilts.planning.compile import compile_experiment


def warnings(folder: Path, caplog: pytest.LogCaptureFixture, name: str, language: str) -> str:
    task = {
        "format": "classification",
        "files": "{split}-{language}.tsv",
        "splits": {"train": ["en"], "dev": ["en"], "test": ["en", language]},
        "columns": ["text", "label"],
        "labels": ["a", "b"],
    }
    experiment = {
        "name": "x",
        "encoder": "e5-small-packaged",
        "intermediate": ["none"],
        "targets": [name],
        "tasks": {name: task},
    }
    (folder / "x.yaml").write_text(yaml.safe_dump(experiment))
    forget_warnings()
    with caplog.at_level(logging.WARNING):
        compile_experiment(xstilts.load(folder / "x.yaml"))
    return caplog.text


@pytest.mark.parametrize("name", ["xnli", "XNLI"])
def test_an_own_task_named_like_a_built_in_one_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert f"tasks.{name} replaces the built-in task" in warnings(tmp_path, caplog, name, "de")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        *(("German", "de"), ("swahili", "sw"), ("EN", "en"), ("pt-br", "pt"), ("eng", "en")),
        *(("nob_Latn", "nb"), ("zh-CN", "zh"), ("zh_TW", "zh-Hant"), ("fre", "fr")),
    ],
)
def test_a_language_that_is_no_code_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, language: str, code: str
) -> None:
    text = warnings(tmp_path, caplog, "mine", language)
    assert f"{language} is taken for" in text
    assert f" is {code}: " in text
    assert f"codes: {{{code}: {language}}}" in text


@pytest.mark.parametrize("language", ["de", "nah", "zh-Hant", "sr-Latn", "xx", "en-GB"])
def test_codes_unknown_languages_and_varieties_side_by_side_are_accepted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, language: str
) -> None:
    text = warnings(tmp_path, caplog, "mine", language)
    assert "replaces" not in text
    assert "is taken for" not in text
