"""A saved gain table is the one that would be computed, or it is computed again."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import xstilts
from xstilts.analysis import saved_gain_table as module
from xstilts.analysis.run_states import RunState
from xstilts.analysis.saved_gain_table import inputs_digest
from xstilts.api.handle import ExperimentHandle
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import MANIFEST
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.store import Store
from xstilts.core.store_layout import GAINS


@pytest.fixture
def copied(copied: Path) -> Path:
    """Without tables that other tests have saved in the finished store."""
    shutil.rmtree(copied / GAINS, ignore_errors=True)
    return copied


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each table that is computed, and not read."""
    sizes: list[int] = []
    gain_rows = module.gain_rows

    def counted(*given: object) -> list[module.Gain]:
        rows = gain_rows(*given)  # type: ignore[arg-type]
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(module, "gain_rows", counted)
    return sizes


def saved(store: Path) -> Path:
    (path,) = (path for path in (store / GAINS).iterdir() if "-languages" not in path.name)
    return path


def test_a_saved_table_equals_the_computed_one(
    small: LoadedExperiment, copied: Path, tables: list[int]
) -> None:
    computed = xstilts.gains(small, copied)
    read = xstilts.gains(small, copied)
    assert tables == [len(computed)]
    assert len(computed) > 0
    pd.testing.assert_frame_equal(read, computed, check_exact=True)
    assert isinstance(read["states"].iloc[0], frozenset)
    assert saved(copied).name.startswith("small@")


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_table_is_computed_again(
    small: LoadedExperiment, copied: Path, tables: list[int], seed: int
) -> None:
    computed, draw = xstilts.gains(small, copied), random.Random(seed)
    path = saved(copied)
    data = bytearray(path.read_bytes())
    if seed % 3 == 2:
        data = data[: draw.randrange(len(data))]
    else:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(7)
    path.write_bytes(data)
    before = len(tables)
    pd.testing.assert_frame_equal(xstilts.gains(small, copied), computed, check_exact=True)
    without_digest(json.loads(path.read_bytes()))
    assert len(tables) - before in (0, 1)  # 0: the bit was in white space
    xstilts.gains(small, copied)
    assert len(tables) - before in (0, 1)


def test_an_intact_table_of_other_inputs_is_not_used(
    small: LoadedExperiment, copied: Path, tables: list[int]
) -> None:
    computed = xstilts.gains(small, copied)
    path = saved(copied)
    other = json.loads(path.read_bytes())
    other["rows"][0]["gain"] += 1
    other["inputs"] = "0" * 64
    path.write_text(json.dumps(with_digest({name: other[name] for name in ("inputs", "rows")})))
    assert xstilts.gains(small, copied).equals(computed)


def test_the_digest_changes_with_all_that_the_gains_depend_on(
    small: LoadedExperiment, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = ExperimentHandle(small, Store(copied))
    frame, gains, cells = handle.results, handle.run_gains, handle.compiled.cells

    def digest() -> str:
        return inputs_digest(frame, gains, cells, Store(copied))

    digests = [digest()]
    assert digest() == digests[0]
    frame = frame.assign(states=[frozenset({RunState.COLLAPSED})] * len(frame))
    digests.append(digest())
    frame = handle.results[handle.results["target"] != "toy-search"]
    digests.append(digest())
    frame, cells = handle.results, handle.compiled.cells[1:]
    digests.append(digest())
    cells = handle.compiled.cells
    monkeypatch.setattr(module, "DRAWS", 7)
    digests.append(digest())
    monkeypatch.setattr(module, "code_digest", lambda: "of another version")
    digests.append(digest())
    monkeypatch.setattr(module, "added_code_digest", lambda _: "of a metric of another package")
    digests.append(digest())
    gains = replace(gains, english_only=frozenset({"toy-kind"}))
    digests.append(digest())
    _publish_other_statistics(copied, cells[0].key)
    digests.append(digest())
    assert len(set(digests)) == len(digests)


def _publish_other_statistics(store: Path, key: str) -> None:
    path = store / "artifacts" / key / MANIFEST
    manifest = without_digest(json.loads(path.read_bytes()))
    manifest["files"]["statistics.parquet"]["sha256"] = "0" * 64
    path.write_text(json.dumps(with_digest(manifest)))


def test_a_store_that_cannot_be_written_has_the_same_gains(
    small: LoadedExperiment, copied: Path
) -> None:
    computed = xstilts.gains(small, copied)
    shutil.rmtree(copied / GAINS)
    (copied / GAINS).write_text("in the way")
    assert xstilts.gains(small, copied).equals(computed)
    assert (copied / GAINS).read_text() == "in the way"


def test_gains_create_no_store(small: LoadedExperiment, tmp_path: Path) -> None:
    assert xstilts.gains(small, tmp_path / "none").empty
    assert not (tmp_path / "none").exists()
