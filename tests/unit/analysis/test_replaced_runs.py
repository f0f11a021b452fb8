"""A run under the name of another one says which scores it takes out of view."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.api.handle import open_experiment
from xstilts.api.run_notes import run_notes
from xstilts.cli.output.run import show_gains
from xstilts.config.load import LoadedExperiment

SMALL = ["name=small", "seeds=[0]", "intermediate=[none, toy-same]"]
TARGETS = "targets=[toy-kind, toy-search]"


def notes(toy_file: Path, store: Path, *overrides: str) -> list[str]:
    return list(run_notes(open_experiment(xstilts.load(toy_file, overrides), store)))


def test_the_same_or_a_larger_experiment_replaces_nothing(toy_file: Path, finished: Path) -> None:
    assert notes(toy_file, finished, *SMALL, TARGETS) == []
    assert notes(toy_file, finished, *SMALL, TARGETS, "seeds=[0, 1]") == []
    assert notes(toy_file, finished, *SMALL, TARGETS, "name=other", "seeds=[1]") == []


def test_a_changed_experiment_of_the_same_name_names_what_changed(
    toy_file: Path, finished: Path
) -> None:
    changes = ["recipes.target.max_grad_norm=3", "targets=[toy-kind]"]
    (note,) = notes(toy_file, finished, *SMALL, *changes)
    assert "replaces the last run of small" in note
    assert "recipes.target.max_grad_norm, targets changed" in note
    (fewer,) = notes(toy_file, finished, *SMALL, "targets=[toy-kind]")
    results = xstilts.results(xstilts.load(toy_file, [*SMALL, TARGETS]), finished)
    hidden = results[results["target"] == "toy-search"]["key"].nunique()
    assert f"{hidden} of its {results['key'].nunique()} scores" in fewer


def test_an_experiment_without_baseline_says_that_there_will_be_no_gains(
    toy_file: Path, tmp_path: Path
) -> None:
    (note,) = notes(toy_file, tmp_path / "store", "intermediate=[toy-same]")
    assert "no gains" in note
    assert notes(toy_file, tmp_path / "store") == []


def test_scores_are_shown_where_there_is_no_gain(
    small: LoadedExperiment, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handle = open_experiment(small, finished)
    baseline = handle.results[handle.results["intermediate"] == "none"]
    show_gains(handle.gains[:0], baseline, ["small"], "none")
    printed = capsys.readouterr().out
    assert "no gains" in printed
    (accuracy,) = baseline.query("target == 'toy-kind' and metric == 'accuracy'").groupby("target")
    assert f"{100 * accuracy[1]['value'].mean():.1f}" in printed
    show_gains(handle.gains[:0], baseline[:0], ["small"], "none")
    assert "no scores yet" in capsys.readouterr().out
