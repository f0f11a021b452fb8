"""R22: `store gc` and `store export`, killed at any point, leave complete artifacts."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.core.fault_injection import EXPORT_POINTS, GC_POINTS
from xstilts.core.garbage import DAY
from xstilts.core.store import Store
from xstilts.testing.recorded_stores import publish, record, toy_stage

InChild = Callable[[Callable[[], object]], int]
LATER = time.time() + 10 * DAY
STAGES = [toy_stage(number) for number in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    for stage in STAGES:
        publish(store, stage)
    record(store, "toy", STAGES[:2])
    return store


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("point", GC_POINTS)
def test_a_gc_killed_at_any_point_is_finished_by_the_next(
    store: Store, point: str, number: int, inject: Callable[[str], None], in_child: InChild
) -> None:
    inject(f"{point}:kill@{number}")
    assert in_child(lambda: xstilts.store_gc(store, now=LATER)) == -signal.SIGKILL
    inject("")
    for key in store.names("artifacts"):
        store.artifact(key).check_digests()
    xstilts.store_gc(store, now=LATER)
    assert set(store.keys()) == {stage.key for stage in STAGES[:2]}
    assert not store.names("staging")
    assert not store.names("leases")


@pytest.mark.parametrize("name", ["shared", "shared.tar"])
@pytest.mark.parametrize("point", EXPORT_POINTS)
def test_an_export_killed_at_any_point_leaves_no_part_and_is_repeated(
    store: Store, tmp_path: Path, name: str, point: str, inject: Callable[[str], None],
    in_child: InChild,
) -> None:  # fmt: skip
    target = tmp_path / name
    inject(f"{point}:kill")
    assert in_child(lambda: xstilts.store_export("toy", target, store)) == -signal.SIGKILL
    inject("")
    assert not target.exists()
    xstilts.store_export("toy", target, store)
    assert [path.name for path in tmp_path.iterdir() if path != store.root] == [name]
