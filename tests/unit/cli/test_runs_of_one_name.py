"""Experiments of one name: status and results tell them apart, plan and run say so before."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.run_records import save_record
from xstilts.api.results import result_notes, snapshot_of
from xstilts.cli.app import app
from xstilts.cli.output.results import described_runs, show_score_tables
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

NAMED = ["name=small", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]"]


@pytest.fixture
def twice(copied: Path, toy_file: Path) -> Path:
    """A store with two experiments named small, with one seed and with two."""
    other = xstilts.load(str(toy_file), [*NAMED, "seeds=[0, 1]"])
    save_record(other, compile_experiment(other), Store(copied))
    return copied


def printed(*words: object) -> str:
    result = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    return result.output


def test_status_shows_dates_and_what_differs(twice: Path) -> None:
    first, second = json.loads(printed("status", "--store", twice, "--json"))["experiments"]
    assert (first["experiment"], second["experiment"]) == ("small", "small")
    assert (first["differs"], second["differs"]) == (["seeds 0"], ["seeds 0, 1"])
    assert 0 < first["when"] <= second["when"]
    assert first["states"]["done"] == first["stages"]
    text = printed("status", "--store", twice)
    assert "seeds 0, 1" in text
    assert first["name"] in text
    assert "2 versions of small" in text


def test_status_of_a_single_experiment_has_no_digests(finished: Path) -> None:
    text = printed("status", "--store", finished)
    assert "small" in text
    assert "small@" not in text
    assert "differs" not in text
    assert "versions" not in text


def test_results_on_a_terminal_tell_experiments_apart(
    copied: Path, toy_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = xstilts.load(str(toy_file), [*NAMED[:2], "targets=[toy-kind]", "seeds=[0, 1]"])
    save_record(other, compile_experiment(other), Store(copied))
    show_score_tables(xstilts.results(store=copied), described_runs(copied), {})
    text = capsys.readouterr().out
    assert text.count("small@") == 2
    assert "seeds 0, 1" in text


def test_results_show_an_extended_experiment_once(
    twice: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_score_tables(xstilts.results(store=twice), described_runs(twice), {})
    text = capsys.readouterr().out
    assert text.count("small (") == 1
    assert "seeds 0, 1" in text


def test_the_table_of_results_has_means(finished: Path) -> None:
    assert "toy-search" in printed("results", "--store", finished, "--format", "table")
    assert printed("results", "--store", finished).startswith("experiment,")  # no terminal: csv


def test_an_experiment_with_another_encoder_and_the_same_name_is_noted(
    toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(toy_file.parent / "encoder", tmp_path / "another")
    words = ["plan", toy_file, "--store", finished, "--set", NAMED[0], "--set", "seeds=[0]"]
    assert "another experiment named small" in printed(*words, "--encoder", tmp_path / "another")


def test_the_same_experiment_is_not_noted(
    toy_file: Path, finished: Path, small: LoadedExperiment
) -> None:
    words = [each for text in (*NAMED, "seeds=[0]") for each in ("--set", text)]
    text = printed("plan", toy_file, "--store", finished, *words)
    assert "another experiment" not in text
    assert "replaces" not in text


def test_scores_and_their_notes_read_each_manifest_once(
    twice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, get_valid = Counter[str](), Store.get_valid

    def counted(store: Store, key: str) -> Artifact | None:
        read[key] += 1
        return get_valid(store, key)

    monkeypatch.setattr(Store, "get_valid", counted)
    snapshot = snapshot_of(twice)
    frame = xstilts.results(store=snapshot)
    assert len(frame)
    assert result_notes(frame, store=snapshot)
    assert set(read.values()) == {1}


def test_missing_scores_are_counted_where_means_are_shown(copied: Path, toy_file: Path) -> None:
    """The second seed was never run: two settings, one target in two languages and one in one."""
    complete = xstilts.load(str(toy_file), [*NAMED, "seeds=[0]"])
    assert result_notes(xstilts.results(complete, copied), complete, copied) == {"small": []}
    larger = xstilts.load(str(toy_file), [*NAMED, "seeds=[0, 1]"])
    (note,) = result_notes(xstilts.results(larger, copied), larger, copied)["small"]
    assert note.startswith("5 of 12 scores are missing")
    save_record(larger, compile_experiment(larger), Store(copied))
    notes = result_notes(xstilts.results(store=copied), store=copied)
    assert [note] in notes.values()


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("to_file", [False, True])
def test_missing_scores_are_noted_on_standard_error_beside_tables_for_programs(
    copied: Path, toy_file: Path, tmp_path: Path, form: str, to_file: bool
) -> None:
    for seeds, missing in (("[0]", False), ("[0, 1]", True)):
        changes = [word for text in (*NAMED, f"seeds={seeds}") for word in ("--set", text)]
        words = ["results", toy_file, "--store", copied, "--format", form, *changes]
        words += ["--out", tmp_path / f"x.{form}"] if to_file else []
        result = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "100"})
        assert ("small: 5 of 12 scores are missing" in result.stderr) == missing
        assert "are missing" not in result.stdout
