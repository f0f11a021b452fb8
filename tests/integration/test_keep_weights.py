"""Dropped weights change no output, and a new target gets them again with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.dropped import WHY_AGAIN, is_dropped
from xstilts.core.fault_injection import DROP_POINTS
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import compile_experiment
from xstilts.reports.claims import claims_text

OWN = (
    *("name=small", "seeds=[0]", "intermediate=[none, toy-same]"),
    "targets=[toy-kind, toy-search]",
)
"""Values of the fixture `small`."""


def with_values(loaded: LoadedExperiment, **values: object) -> LoadedExperiment:
    return replace(loaded, experiment=loaded.experiment.model_copy(update=values))


def outputs(loaded: LoadedExperiment, store: Path, folder: Path) -> dict[str, bytes]:
    """What the commands that only read a store write, by name."""
    folder.mkdir()
    page = xstilts.report(loaded, folder / "report.html", store)
    return {
        "report": page.read_bytes(),
        "claims": claims_text(xstilts.claims(store), "html", Store(store)).encode(),
        "results": xstilts.results(loaded, store).to_csv().encode(),
        "gains": xstilts.gains(loaded, store).to_csv().encode(),
    }


def stages(loaded: LoadedExperiment, kinds: set[str]) -> list[Stage]:
    return [stage for stage in compile_experiment(loaded).plan.stages if stage.kind in kinds]


def test_dropped_weights_change_no_output(
    small: LoadedExperiment, copied: Path, tmp_path: Path
) -> None:
    before = outputs(small, copied, tmp_path / "before")
    result = xstilts.run(with_values(small, keep_weights="none"), copied)
    assert (result.done, result.exit_code) == ([], 0)
    assert result.freed > 100_000
    store = Store(copied)
    for stage in stages(small, {"train"}):
        assert is_dropped(store.artifact(stage.key))
        assert not list(store.artifact(stage.key).path.glob("*.safetensors"))
    assert outputs(small, copied, tmp_path / "after") == before
    assert xstilts.run(small, copied).done == []


@pytest.mark.faults
@pytest.mark.parametrize("point", DROP_POINTS)
def test_a_killed_driver_loses_nothing_while_it_drops(
    small: LoadedExperiment, toy_file: Path, copied: Path, point: str
) -> None:
    before = xstilts.results(small, copied).to_csv()
    command = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(copied)]
    values = (*OWN, "keep_weights=none")
    sets = [part for value in values for part in ("--set", value)]
    environment = {**os.environ, "XSTILTS_FAULT": f"{point}:kill"}
    done = subprocess.run([*command, *sets], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert xstilts.run(small, copied).done == []
    assert xstilts.results(small, copied).to_csv() == before
    assert xstilts.run(with_values(small, keep_weights="none"), copied).done == []
    trainings = stages(small, {"train"})
    assert all(is_dropped(Store(copied).artifact(stage.key)) for stage in trainings)
    assert not any(
        list(Store(copied).artifact(stage.key).path.glob("*.safetensors")) for stage in trainings
    )


def test_weights_of_the_intermediate_encoders_stay(small: LoadedExperiment, copied: Path) -> None:
    xstilts.run(with_values(small, keep_weights="encoders"), copied)
    store = Store(copied)
    kept = [stage.label for stage in stages(small, {"train"}) if store.has(stage.key)]
    assert kept == ["train toy-same seed 0"]


def test_a_new_target_gets_the_weights_again_with_the_same_bytes(
    small: LoadedExperiment, copied: Path
) -> None:
    store = Store(copied)
    [encoder] = [
        stage for stage in stages(small, {"train"}) if stage.label.startswith("train toy-same ")
    ]
    published = store.artifact(encoder.key).manifest["files"]
    xstilts.run(with_values(small, keep_weights="none"), copied)
    more = with_values(small, targets=("toy-kind", "toy-search", "toy-tags"), keep_weights="none")
    summary = xstilts.plan(more, copied)
    again = [stage for stage in summary.todo if summary.statuses[stage.key].why == WHY_AGAIN]
    assert again == [encoder]
    assert summary.stage_seconds[encoder.key] > 0
    execute_stage(store, encoder, lambda _: None)
    assert store.has(encoder.key)
    assert store.artifact(encoder.key).manifest["files"] == published
