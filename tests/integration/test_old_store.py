"""A store of an older version is planned, read, reported and resumed; see tests/fixtures."""

from __future__ import annotations

import json
import math
import tarfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import xstilts
from xstilts.core.plan import StageState
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = ("old_store", "store_2026_11")
RESUMED = "more.yaml, continued"


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Path:
    """The fixture of a version."""
    return FIXTURES / str(request.param)


@pytest.fixture
def expected(version: Path) -> dict[str, Any]:
    """What the version itself computed."""
    text = (version / "expected.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@pytest.fixture
def toy(version: Path, tmp_path: Path) -> Path:
    """The unpacked fixture: experiments, data and store."""
    with tarfile.open(version / "store.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "toy"


def rows(frame: pd.DataFrame, columns: list[str]) -> list[list[Any]]:
    """The expected columns of a frame, row by row, with None for NaN."""
    cells = frame[columns].to_dict("split")["data"]
    return [[None if isinstance(x, float) and math.isnan(x) else x for x in row] for row in cells]


def assert_equal_rows(
    found: list[list[Any]], expected: list[list[Any]], *, tolerance: float
) -> None:
    """The same rows in any order; numbers are compared with a tolerance."""

    def identity(row: list[Any]) -> list[str]:
        return [str(cell) for cell in row if not isinstance(cell, float)]

    assert len(found) == len(expected)
    for row, other in zip(sorted(found, key=identity), sorted(expected, key=identity), strict=True):
        assert identity(row) == identity(other)
        numbers, others = ([x for x in one if isinstance(x, float)] for one in (row, other))
        assert numbers == pytest.approx(others, abs=tolerance)


@pytest.mark.parametrize("name", ["toy.yaml", "more.yaml"])
def test_stages_have_the_keys_of_the_old_version(
    toy: Path, expected: dict[str, Any], name: str
) -> None:
    stages = compile_experiment(xstilts.load(str(toy / name))).plan.stages
    known = {(key, kind, number) for key, kind, number, _ in expected[name]["stages"]}
    assert {(stage.key, stage.kind, stage.version) for stage in stages} == known


@pytest.mark.parametrize("name", ["toy.yaml", "more.yaml"])
def test_finished_stages_of_an_old_store_are_done(
    toy: Path, expected: dict[str, Any], name: str
) -> None:
    summary = xstilts.plan(xstilts.load(str(toy / name)), toy / "store")
    done = {key for key, status in summary.statuses.items() if status.state == StageState.DONE}
    assert done == {key for key, _, _, is_done in expected[name]["stages"] if is_done}


@pytest.mark.parametrize("name", ["toy.yaml", "more.yaml"])
def test_results_gains_and_best_settings_equal_those_of_the_old_version(
    toy: Path, expected: dict[str, Any], name: str
) -> None:
    loaded, store = xstilts.load(str(toy / name)), toy / "store"
    for table in ("results", "gains", "best"):
        columns = expected["columns"][table]
        found = rows(getattr(xstilts, table)(loaded, store), columns)
        assert_equal_rows(found, expected[name][table], tolerance=1e-9)


def test_an_old_store_is_reported(toy: Path) -> None:
    page = xstilts.report(xstilts.load(str(toy / "toy.yaml")), toy / "page.html", toy / "store")
    text = page.read_text(encoding="utf-8")
    assert "toy-same" in text
    assert "toy-search" in text


def test_running_a_finished_experiment_keeps_its_record(toy: Path) -> None:
    records = toy / "store" / "experiments"
    before = {path.name: path.read_bytes() for path in records.iterdir()}
    outcome = xstilts.run(xstilts.load(str(toy / "toy.yaml")), toy / "store", workers=1)
    assert (outcome.exit_code, list(outcome.done)) == (0, [])
    assert {path.name for path in records.iterdir()} == before.keys()


@pytest.mark.usefixtures("in_process")
def test_an_interrupted_experiment_is_resumed_from_its_checkpoint(
    toy: Path, expected: dict[str, Any]
) -> None:
    loaded, store = xstilts.load(str(toy / "more.yaml")), toy / "store"
    outcome = xstilts.run(loaded, store, workers=1)
    assert outcome.exit_code == 0, outcome.failed
    assert sorted(outcome.done) == expected[RESUMED]["ran"]
    (resumed,) = (
        stage
        for stage in compile_experiment(loaded).plan.stages
        if stage.label == "train toy-same seed 1"
    )
    provenance = Store(store).artifact(resumed.key).manifest["provenance"]
    assert any("step 60" in note for note in provenance["notes"])
    found = rows(xstilts.results(loaded, store), expected["columns"]["results"])
    assert_equal_rows(found, expected[RESUMED]["results"], tolerance=0.1)
