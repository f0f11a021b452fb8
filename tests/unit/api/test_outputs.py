"""Outputs do not replace inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.core.errors import ConfigError


def test_a_report_does_not_replace_its_experiment(toy_file: Path, tmp_path: Path) -> None:
    before = toy_file.read_bytes()
    link = tmp_path / "link.html"
    link.symlink_to(toy_file)
    for path in (toy_file, link):
        with pytest.raises(ConfigError, match="would be replaced"):
            xstilts.report(str(toy_file), path, tmp_path / "store")
    assert toy_file.read_bytes() == before


def test_results_do_not_replace_their_experiment(toy_file: Path, tmp_path: Path) -> None:
    before = toy_file.read_bytes()
    arguments = ["results", str(toy_file), "--store", str(tmp_path / "store")]
    assert CliRunner().invoke(app, [*arguments, "--out", str(toy_file)]).exit_code != 0
    assert toy_file.read_bytes() == before


@pytest.mark.parametrize("name", ["journal.jsonl", "experiments/x.json", "xstilts-store.json"])
def test_no_output_replaces_a_file_of_the_store(toy_file: Path, tmp_path: Path, name: str) -> None:
    store = tmp_path / "store"
    with pytest.raises(ConfigError, match="a file of the store"):
        xstilts.report(str(toy_file), store / name, store)
    assert not (store / name).exists()
    for verb in (["results"], ["claims", str(store)]):
        where = ["--store", str(store)] if verb == ["results"] else []
        given = [*verb, *where, "--format", "json", "--out", str(store / name)]
        assert CliRunner().invoke(app, given).exit_code != 0
    assert not (store / name).exists()


def test_submissions_and_copies_of_answers_do_not_go_into_the_store(
    toy_file: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    for verb in (
        ["report", str(toy_file), "--format", "xtreme"],
        ["study", "scaling", str(toy_file)],
    ):
        given = [*verb, "--store", str(store), "--out", str(store / "artifacts" / "x")]
        result = CliRunner().invoke(app, given)
        assert isinstance(result.exception, ConfigError)
        assert "a file of the store" in str(result.exception)
