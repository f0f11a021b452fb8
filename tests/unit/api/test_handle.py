"""A command compiles its experiment once and reads each manifest once."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from xstilts import best, gains, plan, report, results, run, study
from xstilts.analysis.gains import mean_gains
from xstilts.api import handle as handle_module
from xstilts.api.handle import FROM_STORE, ExperimentHandle, open_experiment
from xstilts.cli.app import app
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.local import LocalExecutor
from xstilts.planning.compile import compile_experiment

SMALL = (
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
)  # fmt: skip


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the experiment at each compilation."""
    names: list[str] = []

    def counted(loaded: LoadedExperiment) -> Any:
        names.append(loaded.experiment.name)
        return compile_experiment(loaded)

    monkeypatch.setattr(handle_module, "compile_experiment", counted)
    return names


@pytest.fixture
def command(toy_file: Path, finished: Path, tmp_path: Path) -> list[str]:
    """The experiment and store that follow a command's name."""
    words = [str(toy_file), "--store", str(finished)]
    return [*words, *(word for override in SMALL for word in ("--set", override))]


@pytest.mark.parametrize("form", ["html", "md", "csv"])
def test_report_compiles_once_and_reads_each_manifest_once(
    form: str,
    command: list[str],
    finished: Path,
    tmp_path: Path,
    compiled: list[str],
    manifests: Counter[str],
) -> None:
    given = [*command, "--format", form, "--out", str(tmp_path / "report")]
    assert CliRunner().invoke(app, ["report", *given]).exit_code == 0
    assert compiled == ["small"]
    assert set(manifests) <= set(Store(finished).keys())
    assert set(manifests.values()) == {1}


def test_run_with_nothing_to_do_compiles_once_and_reads_each_manifest_once(
    command: list[str], finished: Path, compiled: list[str], manifests: Counter[str]
) -> None:
    result = CliRunner().invoke(app, ["run", *command])
    assert result.exit_code == 0, result.output
    assert "nothing to do" in result.output
    assert compiled == ["small"]
    assert manifests == Counter(Store(finished).keys())


def test_study_with_nothing_to_do_starts_no_executor_and_reads_each_manifest_once(
    small: LoadedExperiment,
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    manifests: Counter[str],
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing to do")

    monkeypatch.setattr(LocalExecutor, "run", refuse)
    answer = study("reasoning", small, copied)
    assert any("toy-same" in text for text in answer.caveats)
    assert set(manifests) <= set(Store(copied).keys())
    assert set(manifests.values()) == {1}
    Store(copied).quarantine(compile_experiment(small).cells[0].key)
    with pytest.raises(AssertionError, match="nothing to do"):
        study("reasoning", small, copied)


def test_a_report_as_csv_selects_no_settings(
    small: LoadedExperiment, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("not needed")

    monkeypatch.setattr("xstilts.reports.html.select_settings", refuse)
    report(small, tmp_path / "gains.csv", finished, form="csv")
    with pytest.raises(AssertionError, match="not needed"):
        report(small, tmp_path / "tables.md", finished, form="md")


def test_a_handle_computes_each_table_once(
    small: LoadedExperiment, finished: Path, compiled: list[str], manifests: Counter[str]
) -> None:
    handle = open_experiment(small, finished)
    noted = handle.noted_results
    for verb in (plan, results, gains, best, plan, results, gains, best):
        verb(handle)
    assert handle.noted_results is noted
    assert compiled == ["small"]
    assert set(manifests.values()) == {1}


def test_a_handle_sees_what_it_has_run(small: LoadedExperiment, copied: Path) -> None:
    store = Store(copied)
    handle = open_experiment(small, store)
    before = results(handle)
    lost = handle.compiled.cells[0].key
    store.quarantine(lost)
    handle.refresh()
    assert [stage.key for stage in plan(handle).todo] == [lost]
    assert len(results(handle)) < len(before)
    assert run(handle, workers=1).done == [lost]
    assert not plan(handle).todo
    assert results(handle).equals(before)


def test_refresh_forgets_all_that_is_read_from_the_store() -> None:
    cached = {name for name, one in vars(ExperimentHandle).items() if _is_cached(one)}
    assert cached - {"compiled"} == set(FROM_STORE)


def _is_cached(attribute: object) -> bool:
    return isinstance(attribute, cached_property)


def test_a_handle_is_opened_again_only_for_another_store(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    handle = open_experiment(small, finished)
    assert open_experiment(handle) is handle
    assert open_experiment(handle, finished) is handle
    other = open_experiment(handle, tmp_path)
    assert isinstance(other, ExperimentHandle)
    assert (other.loaded, other.store.root) == (small, tmp_path)


def test_a_path_is_loaded(toy_file: Path, tmp_path: Path) -> None:
    assert open_experiment(toy_file, tmp_path).loaded.experiment.name == "toy"
    assert open_experiment(str(toy_file), tmp_path).loaded == open_experiment(toy_file).loaded


def test_a_snapshot_does_not_see_what_happens_later(copied: Path) -> None:
    store = Store(copied)
    snapshot = StoreSnapshot(store)
    key, other = store.keys()[:2]
    assert snapshot.has(key)
    store.quarantine(key)
    store.quarantine(other)
    assert snapshot.has(key)
    assert not snapshot.has(other)
    assert not StoreSnapshot(store).has(key)


def test_the_gain_table_and_the_best_settings_have_the_gains_of_the_paired_runs(
    small: LoadedExperiment, finished: Path
) -> None:
    handle = open_experiment(small, finished)
    # scores of artifacts are rounded to ten digits, statistics of examples are not
    means = mean_gains(handle.run_gains.runs).set_index(["target", "intermediate"])["gain"]
    table = handle.gains[handle.gains["main"]].set_index(["target", "intermediate"])["gain"]
    assert len(table)
    assert table.to_dict() == pytest.approx(means.to_dict(), abs=1e-9)
    settings = [name for name in small.experiment.intermediate if name != NO_INTERMEDIATE]
    selected = best(handle, candidates=settings)
    transfer = selected[~selected["english"]]
    assert len(transfer)
    for _, row in transfer.iterrows():
        assert row["gain"] == pytest.approx(means[row["target"], row["intermediate"]], abs=1e-9)


def test_results_of_nothing_have_columns_that_take_texts(
    small: LoadedExperiment, tmp_path: Path
) -> None:
    assert set(open_experiment(small, tmp_path / "none").results.dtypes) == {np.dtype(object)}
