"""`results` and `status` tell the experiments of one store apart."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.run_records import save_record
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

PART = ["seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]


def test_experiments_of_shared_scores_have_rows_of_their_own(
    small: LoadedExperiment, toy_file: Path, copied: Path
) -> None:
    alone = xstilts.results(store=copied)
    assert (
        set(alone["experiment"]) == {"small"} == set(xstilts.results(small, copied)["experiment"])
    )
    for name in ("other", "small"):
        part = xstilts.load(str(toy_file), [f"name={name}", *PART])
        save_record(part, compile_experiment(part), Store(copied))
    frame = xstilts.results(store=copied)
    settings = {
        name: (len(rows), set(rows["intermediate"]))
        for name, rows in frame.groupby("experiment", sort=False)
    }
    first, other, second = settings
    assert first.startswith("small@")
    assert second.startswith("small@")
    assert first != second
    assert settings[first] == (len(alone), {"none", "toy-same"})
    assert settings[other] == settings[second]
    assert settings[other][1] == {"none"}
    statuses = xstilts.status(copied)
    assert len({one.name for one in statuses}) == len(statuses) == 3
    assert {one.encoder for one in statuses} == set(frame["encoder"])


def test_results_of_an_experiment_that_was_not_run_come_with_a_warning(
    small: LoadedExperiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert xstilts.results(small, tmp_path / "none").empty
    assert "no score of small" in caplog.text
