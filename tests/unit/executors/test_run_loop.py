"""What a run loop does about workers that die, and about messages while it stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.attempts import MAX_DEATHS
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import Event, ignore_events
from xstilts.executors.run_loop import run_plan
from xstilts.testing.simulated_pool import SimulatedPool, SimulatedWorker

ENCODER = Stage("encoder", 1, {}, label="encoder")
READER = Stage("toy", 1, {}, {"encoder": ENCODER.key}, "reader")


class _DyingPool(SimulatedPool):
    """Its workers die at their first stage, and have no attribute `is_machine_lost`."""

    def readable(self, timeout: float) -> Iterator[SimulatedWorker]:
        for worker in self.workers:
            worker.read = lambda: None  # type: ignore[method-assign]
        return iter(list(self.workers))

    def remove(self, worker: SimulatedWorker) -> None:
        assert not hasattr(worker, "is_machine_lost")
        self.workers.remove(worker)

    def cause_of_death(self, worker: SimulatedWorker) -> str:
        return "killed"


class _InterruptedPool(SimulatedPool):
    """The run is interrupted, and its worker then sends its last message."""

    is_interrupted = False

    def readable(self, timeout: float) -> Iterator[SimulatedWorker]:
        if not self.is_interrupted:
            self.is_interrupted = True
            raise KeyboardInterrupt
        return super().readable(timeout)


def test_workers_of_a_pool_that_knows_no_lost_machines_count_as_died(tmp_path: Path) -> None:
    pool, plan = _DyingPool(1, lambda _: 1.0), Plan.of([ENCODER])
    store, events = Store(tmp_path).prepare(), list[Event]()
    result = run_plan(store, plan, pool, ExecutorOptions(), events.append)
    assert result.failed == {ENCODER.key: "killed"}
    assert len(pool.order) == MAX_DEATHS


def test_a_run_that_stops_reads_no_artifact_to_look_into_damage(tmp_path: Path) -> None:
    """Gigabytes take longer than a batch system waits; the next run finds the damage again."""
    store = Store(tmp_path).prepare()
    with store.staging(ENCODER.key) as folder:
        (folder / "body.safetensors").write_text("weights")
        store.publish(ENCODER, folder, {}, {"seconds": 1.0})
    (store.artifact(ENCODER.key) / "body.safetensors").write_text("weighty")

    def damage(_stage: Stage) -> dict[str, Any]:
        return {"event": "damaged", "damaged": ENCODER.key, "problem": "it differs"}

    pool = _InterruptedPool(1, lambda _: 1.0, damage)
    plan = Plan.of([ENCODER, READER])
    with pytest.raises(KeyboardInterrupt):
        run_plan(store, plan, pool, ExecutorOptions(), ignore_events)
    assert [worker.stage for worker in pool.workers] == [None]
    assert store.names("damaged") == []
