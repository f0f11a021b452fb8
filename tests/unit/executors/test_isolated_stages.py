"""`isolate`: a fresh worker for every stage, which still takes over what another one abandoned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from xstilts.core import leases
from xstilts.core.store import Store
from xstilts.executors import scheduler, worker
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import ignore_events
from xstilts.executors.local import LocalExecutor
from xstilts.stages.base import StageKind
from xstilts.testing.in_process_pool import InProcessPool, InProcessWorker, in_process_executor
from xstilts.testing.toy_stages import toy_plan

STAGES, MOST_STARTS = 3, 6


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[InProcessWorker]]:
    """The workers that were started, in this process; too many are an error."""
    workers: list[InProcessWorker] = []
    start = InProcessPool.start

    def counted(pool: InProcessPool) -> InProcessWorker:
        assert len(workers) < MOST_STARTS
        workers.append(start(pool))
        return workers[-1]

    monkeypatch.setattr(InProcessPool, "start", counted)
    with in_process_executor():
        yield workers


def test_an_isolated_stage_whose_holder_is_silent_is_taken_over(
    tmp_path: Path, started: list[InProcessWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "EXPIRY", 0.5)
    monkeypatch.setattr(scheduler, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr(worker.STAGE_KINDS, "get", lambda _: StageKind(1, lambda _: {}))
    store, plan = Store(tmp_path / "store").prepare(), toy_plan(STAGES, tmp_path, 0.0)
    store.leases.take(plan.stages[0].key)  # and never touch it again
    options = ExecutorOptions(workers=1, isolate=True)
    result = LocalExecutor(store, options).run(plan, ignore_events)
    assert len(result.done) == STAGES
    assert STAGES <= len(started) < MOST_STARTS
