"""`xstilts results` without scores: what there is of the experiment, and what to do."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.run_records import save_record
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

CHANGES = ["name=small", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
GIVEN = [word for change in CHANGES for word in ("--set", change)]


@pytest.fixture
def loaded(toy_file: Path) -> LoadedExperiment:
    return xstilts.load(str(toy_file), CHANGES)


def printed(*words: object) -> str:
    arguments = ["results", *map(str, words), "--format", "table"]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_an_experiment_that_was_not_run_has_all_to_do(
    toy_file: Path, loaded: LoadedExperiment, tmp_path: Path
) -> None:
    store, count = tmp_path / "store", len(compile_experiment(loaded).plan.stages)
    shown = printed(toy_file, *GIVEN, "--store", store)
    assert f"small: {count} stages: {count} to do" in shown
    assert f"xstilts run {toy_file} --store {store} --set name=small" in shown


def test_stages_that_are_done_failed_and_running_are_named(
    toy_file: Path,
    loaded: LoadedExperiment,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(toy_file.parent)
    compiled, store = compile_experiment(loaded), Store(tmp_path / "store").prepare()
    first, second, third, *_ = compiled.plan.stages
    shutil.copytree(Store(finished).artifact(first.key).path, store.artifact(first.key).path)
    save_record(loaded, compiled, store)
    for stage, problem in ((second, "no such file"), (third, "bad")):
        store.journal.write("started", key=stage.key, label=stage.label)
        store.journal.write("failed", key=stage.key, label=stage.label, problem=problem)
    store.journal.write("started", key=third.key, label=third.label)
    counts = f"1 done, {len(compiled.plan.stages) - 1} to do"
    for named in ([toy_file, *GIVEN], []):
        with store.leases.hold(third.key):
            shown = printed(*named, "--store", store.root)
        assert counts in shown
        assert "1 stage running now" in shown
        assert third.label in shown
        assert socket.gethostname() in shown
        assert (f"{second.label} failed: no such file" in shown) == bool(named)
        assert f"{third.label} failed" not in shown
        assert f"xstilts status --store {store.root}" in shown
        shown = printed(*named, "--store", store.root)
        assert "no stage runs now" in shown
        assert re.search(rf"xstilts run \S*{toy_file.name}", shown)


def test_a_store_without_experiments_names_a_first_run(tmp_path: Path) -> None:
    assert f"xstilts run quickstart --store {tmp_path}" in printed("--store", tmp_path)
