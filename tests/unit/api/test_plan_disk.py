"""A plan states its disk at the peak, and one that does not fit is not started."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.api.plan_summary import check_disk_space
from xstilts.cli.output.disk import disk_lines
from xstilts.cli.output.plan_json import plan_as_json
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import StoreError
from xstilts.core.store import Store


def with_free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(Store, "free_bytes", lambda _: count)


def test_weights_that_are_not_kept_lower_peak_and_end(toy_file: Path, tmp_path: Path) -> None:
    peaks, ends = [], []
    for keep in ("all", "encoders", "none"):
        loaded = xstilts.load(str(toy_file), [f"keep_weights={keep}"])
        disk = xstilts.plan(loaded, tmp_path / "store", workers=1).disk
        peaks.append(disk.peak)
        ends.append(disk.final)
    assert peaks[0] > peaks[1] > 0
    assert ends[0] > ends[1] > ends[2] > 0


def test_a_plan_that_does_not_fit_is_refused_with_numbers_and_a_way_on(
    small: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, 10_000)
    store = Store(tmp_path / "store")
    summary = xstilts.plan(small, store.root)
    with pytest.raises(StoreError, match="at its peak") as error:
        check_disk_space(summary, store)
    assert "--ignore-disk" in error.value.todo
    assert "--store" in error.value.todo
    assert any(line.startswith("!") for line in disk_lines(summary))


def test_a_plan_that_fits_is_not_refused(
    small: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = xstilts.plan(small, tmp_path / "store")
    with_free(monkeypatch, summary.disk.peak)
    summary = xstilts.plan(small, tmp_path / "store")
    check_disk_space(summary, Store(tmp_path / "store"))
    assert not any(line.startswith("!") for line in disk_lines(summary))


def test_the_plan_as_json_states_the_disk(
    small: LoadedExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, 10_000)
    summary = xstilts.plan(small, tmp_path / "store")
    plan = plan_as_json(summary)
    disk = plan["disk"]
    assert (disk["peak"], disk["free"], disk["fits"]) == (summary.disk.peak, 10_000, False)
    assert sum(disk["by_kind_at_peak"].values()) == disk["peak"]
    assert plan["states"] == {"to do": len(plan["stages"])}


def test_a_finished_plan_needs_no_disk(
    small: LoadedExperiment, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, 0)
    check_disk_space(xstilts.plan(small, finished), Store(finished))
