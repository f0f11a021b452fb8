"""`xstilts report`: what it says of a report, also of one without scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from xstilts.cli.app import app
from xstilts.core.errors import ConfigError

SMALL = [
    "--set", "name=small", "--set", "seeds=[0]", "--set", "intermediate=[none, toy-same]",
    "--set", "targets=[toy-kind, toy-search]",
]  # fmt: skip


def invoked(*words: object) -> Result:
    result = CliRunner().invoke(app, ["report", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_report_without_scores_says_what_to_run(toy_file: Path, tmp_path: Path) -> None:
    page, store = tmp_path / "page.html", tmp_path / "store"
    written = invoked(toy_file, "--store", store, "--out", page)
    assert written.exit_code == 0
    assert f"no scores yet: run `xstilts run {toy_file} --store {store}` first" in written.stderr
    assert "No scores yet" in page.read_text(encoding="utf-8")
    assert "No gains yet" not in page.read_text(encoding="utf-8")


def test_a_report_with_scores_does_not(toy_file: Path, finished: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    written = invoked(toy_file, *SMALL, "--store", finished, "--out", page, "--json")
    assert written.stderr == ""
    assert "No scores yet" not in page.read_text(encoding="utf-8")
    shown = json.loads(written.stdout)
    assert shown["path"] == str(page)
    assert shown["format"] == "html"
    assert shown["scores"] > 0


def test_json_and_a_report_on_standard_output_exclude_each_other(toy_file: Path) -> None:
    with pytest.raises(ConfigError, match="both write to standard output"):
        invoked(toy_file, "--out", "-", "--json")
