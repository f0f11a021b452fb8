"""Outputs do not replace inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.core.errors import ConfigError, StoreError


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


def test_an_output_makes_one_folder_and_says_so(
    toy_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    xstilts.init(tmp_path / "new" / "mine.yaml")
    assert f"created the folder {tmp_path / 'new'}" in caplog.text
    caplog.clear()
    xstilts.report(str(toy_file), tmp_path / "new" / "a.html", tmp_path / "store")
    assert "created the folder" not in caplog.text
    xstilts.report(str(toy_file), tmp_path / "pages" / "a.html", tmp_path / "store")
    assert f"created the folder {tmp_path / 'pages'}" in caplog.text


def test_an_output_makes_no_folder_in_one_that_is_not_there(toy_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"there is no folder {tmp_path / 'nope'}"):
        xstilts.init(tmp_path / "nope" / "deep" / "mine.yaml")
    for form in ("html", "latex", "csv"):
        with pytest.raises(StoreError, match=f"there is no folder {tmp_path / 'nope'}"):
            xstilts.report(
                str(toy_file), tmp_path / "nope" / "d" / "x", tmp_path / "store", form=form
            )
    assert not (tmp_path / "nope").exists()
