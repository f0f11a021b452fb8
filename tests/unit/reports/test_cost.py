"""The cost of an experiment: hours by device, energy by an assumption, and dates."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.reports.cost import (
    CORE,
    GPU,
    UNKNOWN,
    PowerAssumption,
    assumed_power,
    cost_section,
    device_of,
)
from xstilts.reports.sections import Section

NOON = 1_700_000_000.0  # 2023-11-14


@dataclass
class Finished:
    seconds: float
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def manifest(self) -> dict[str, Any]:
        return {"provenance": self.provenance}


class FakeStore:
    def __init__(self, **artifacts: Finished) -> None:
        self.artifacts = artifacts

    def get_finished(self, key: str) -> Finished | None:
        return next((one for kind, one in self.artifacts.items() if _stage(kind).key == key), None)


def _stage(kind: str) -> Stage:
    return Stage(kind, 1, {})


def section(power: PowerAssumption | None = None, **artifacts: Finished) -> Section:
    stages = [_stage(kind) for kind in (*artifacts, "unfinished")]
    found = cost_section(stages, cast(Store, FakeStore(**artifacts)), power or PowerAssumption())
    assert found
    return found


CPU = {"versions": {"torch": "2.9+cpu"}, "published": NOON}


def test_devices_are_those_that_the_stages_recorded() -> None:
    assert device_of({"gpu": "NVIDIA A100", "versions": {"torch": "2.9+cu128"}}) == GPU
    assert device_of({"gpu": "", "versions": {"torch": "2.9+cu128"}}) == CORE
    assert device_of({"versions": {"torch": "2.9+cpu"}}) == CORE
    assert device_of({"versions": {"torch": "2.9"}}) == UNKNOWN


def test_hours_are_added_up_by_device() -> None:
    table = section(
        train=Finished(7200, {"gpu": "A100", "published": NOON}), score=Finished(3600, CPU)
    ).table.set_index("stages")
    assert list(table.index) == ["train", "score", "total"]
    assert list(table["GPU hours"]) == ["2.00", "–", "2.00"]
    assert list(table["CPU core hours"]) == ["–", "1.00", "1.00"]
    assert table.loc["total", "finished"] == "2"


def test_energy_is_hours_times_watts() -> None:
    artifacts = {"train": Finished(7200, {"gpu": "A100"}), "score": Finished(3600, CPU)}
    found = section(PowerAssumption(gpu=1000, core=50), **artifacts)
    assert found.table["energy (estimate)"].iloc[-1] == "2.0 kWh"
    assert "1000 W per GPU and 50 W per CPU" in " ".join(found.notes)
    assert section(**artifacts).table["energy (estimate)"].iloc[-1] == "810.0 Wh"


def test_hours_without_a_recorded_device_count_as_gpu_hours() -> None:
    found = section(train=Finished(3600, {"versions": {"torch": "2.9"}}))
    assert found.table["energy (estimate)"].iloc[-1] == "400.0 Wh"
    assert any("without a recorded device" in note for note in found.notes)


def test_dates_are_those_of_the_first_and_the_last_result() -> None:
    later = {**CPU, "published": NOON + 86_400 * 2}
    assert (
        "from 2023-11-14 to 2023-11-16"
        in section(train=Finished(1, CPU), score=Finished(1, later)).notes[0]
    )
    assert "on 2023-11-14" in section(train=Finished(1, CPU)).notes[0]


def test_an_experiment_without_results_has_no_cost() -> None:
    assert cost_section([_stage("train")], cast(Store, FakeStore()), PowerAssumption()) is None


@pytest.mark.parametrize("watts", [-1.0, float("nan"), float("inf")])
def test_impossible_watts_are_refused(watts: float) -> None:
    with pytest.raises(ConfigError, match="--core-watts"):
        assumed_power(core=watts)
    assert assumed_power(gpu=0).gpu == 0


def test_the_report_uses_the_watts_that_are_given(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    text = xstilts.report(small, tmp_path / "x.md", finished, form="md", core_watts=77).read_text(
        "utf-8"
    )
    assert "77 W per CPU" in text
    assert "## Cost" in text
