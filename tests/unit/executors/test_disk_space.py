"""A stage starts only if the disk has the space that it may need."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.core.store import Store
from xstilts.executors.events import Event
from xstilts.executors.scheduler import Scheduler

MB = 1_000_000


def stage(label: str, size: int, after: Stage | None = None) -> Stage:
    inputs = {"model": after.key} if after else {}
    return Stage("train", 1, {"name": label}, inputs, label=label, cost=Cost(1.0, size * MB))


LARGE, SMALL = stage("large", 900), stage("small", 100)
AFTER = stage("after", 1, LARGE)


class Run:
    """A driver's scheduler on a disk with so many MB free."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, free: int, *, check_disk: bool = True
    ) -> None:
        self.free, self.events = free, list[Event]()
        patch.setattr(Store, "free_bytes", lambda _: self.free * MB)
        plan = Plan((LARGE, SMALL, AFTER))
        store = Store(folder / "store").prepare()
        self.scheduler = Scheduler(store, plan, self.events.append, check_disk=check_disk)

    def next(self) -> Stage | None:
        return self.scheduler.next_stage("", ())

    def finish(self, done: Stage) -> None:
        message = {"event": "done", "key": done.key, "facts": {}, "seconds": 1.0}
        self.scheduler.receive(message)

    def seen(self, kind: str) -> list[str]:
        return [event.stage.label for event in self.events if event.kind == kind]


def test_a_stage_that_does_not_fit_waits_for_running_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, monkeypatch, free=500)
    assert run.next() == SMALL
    for _ in range(3):
        assert run.next() is None
    assert run.seen("note") == ["large"]
    run.free = 1000
    run.finish(SMALL)
    assert run.next() == LARGE
    assert run.scheduler.result.failed == {}


def test_a_stage_that_cannot_fit_fails_with_numbers_and_the_rest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, monkeypatch, free=500)
    assert run.next() == SMALL
    run.finish(SMALL)
    assert run.next() is None
    assert run.scheduler.is_finished
    result = run.scheduler.result
    assert (result.done, result.exit_code) == ([SMALL.key], 4)
    assert "0.9 GB" in result.failed[LARGE.key]
    assert "0.5 GB" in result.failed[LARGE.key]
    assert list(result.skipped) == [AFTER.key]


def test_running_stages_reserve_what_they_may_still_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, monkeypatch, free=950)
    assert run.next() == LARGE
    assert run.next() is None
    run.finish(LARGE)
    assert {run.next(), run.next()} == {SMALL, AFTER}


def test_the_check_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, monkeypatch, free=0, check_disk=False)
    assert run.next() == LARGE
