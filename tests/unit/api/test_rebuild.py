"""Damaged artifacts that results are read from are rebuilt, a bounded number of times."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xstilts.api.rebuild import MAX_REBUILDS, rebuild_damaged
from xstilts.core import artifact
from xstilts.core.errors import StoreError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.stages.io.prepared_inputs import INPUTS

NAMES = ("a", "b", "c")
GOOD, BAD = b"8 bytes!", b"damaged!"


class Bench:
    """A store with scores of some stages, and a run that publishes those that are missing."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder).prepare()
        self.stages = [Stage("score", 1, {"name": name}, {}, label=name) for name in NAMES]
        self.data, self.published = GOOD, "scores"
        self.runs = 0
        cells = [SimpleNamespace(key=stage.key) for stage in self.stages]
        by_key = {stage.key: stage for stage in self.stages}
        plan = SimpleNamespace(by_key=by_key, stages=self.stages)
        self.parts: Any = [SimpleNamespace(compiled=SimpleNamespace(cells=cells, plan=plan))]

    def run(self) -> RunResult:
        self.runs += 1
        result = RunResult()
        for stage in self.stages:
            if not self.store.has(stage.key):
                with self.store.staging(stage.key) as folder:
                    (folder / self.published).write_bytes(GOOD)
                    self.store.publish(stage, folder, {}, {})
                self.file(stage).write_bytes(self.data)
                result.done.append(stage.key)
        return result

    def file(self, stage: Stage) -> Path:
        return self.store.artifact(stage.key) / self.published


def test_all_damaged_scores_are_rebuilt_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store")
    first = bench.run()
    for stage in bench.stages[:2]:
        bench.file(stage).write_bytes(BAD)
    result = rebuild_damaged(first, bench.parts, bench.store, bench.run, bench.store)
    assert [bench.file(stage).read_bytes() for stage in bench.stages] == [GOOD] * 3
    assert bench.runs == 2
    assert sorted(result.done) == sorted(stage.key for stage in bench.stages)


def test_damaged_hashes_of_inputs_are_rebuilt(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store")
    rows = Stage("prepare", 1, {}, {}, label="prepare")
    bench.stages.append(rows)
    bench.published = INPUTS
    first = bench.run()
    file = bench.store.artifact(rows.key) / INPUTS
    file.write_bytes(BAD)
    result = rebuild_damaged(first, bench.parts, bench.store, bench.run, bench.store)
    assert (file.read_bytes(), bench.runs) == (GOOD, 2)
    assert result.exit_code == 0


def test_nothing_runs_without_damage(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store")
    first = bench.run()
    assert rebuild_damaged(first, bench.parts, bench.store, bench.run, bench.store) is first
    assert bench.runs == 1


def test_scores_that_cannot_be_moved_or_read_fail_and_others_are_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path / "store")
    first = bench.run()
    stuck, unreadable, damaged = bench.stages
    for stage in (stuck, damaged):
        bench.file(stage).write_bytes(BAD)
    read, quarantine = artifact.read_file, bench.store.quarantine

    def read_file(path: str) -> bytes:
        if unreadable.key in path:
            raise OSError(5, "Input/output error")
        return read(path)

    def move(key: str) -> None:
        if key == stuck.key:
            raise StoreError("the store cannot be written: Permission denied")
        quarantine(key)

    def run() -> RunResult:
        monkeypatch.setattr(bench, "stages", [damaged])
        return type(bench).run(bench)

    monkeypatch.setattr(artifact, "read_file", read_file)
    monkeypatch.setattr(bench.store, "quarantine", move)
    result = rebuild_damaged(first, bench.parts, bench.store, run, bench.store)
    assert bench.file(damaged).read_bytes() == GOOD
    assert "Permission denied" in result.failed[stuck.key]
    assert "Input/output error" in result.failed[unreadable.key]
    assert (len(result.failed), result.exit_code) == (2, StoreError.exit_code)


def test_scores_that_are_damaged_again_and_again_are_an_error(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store")
    bench.data = BAD
    with pytest.raises(StoreError, match="again"):
        rebuild_damaged(bench.run(), bench.parts, bench.store, bench.run, bench.store)
    assert bench.runs == 1 + MAX_REBUILDS
