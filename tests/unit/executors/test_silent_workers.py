"""A worker that shows no sign of life is reported by the run that waits for it."""

from __future__ import annotations

import os
from pathlib import Path

from xstilts.core.leases import EXPIRY, Leases
from xstilts.core.stage import Stage
from xstilts.executors.events import Event
from xstilts.executors.silent_workers import CHECK_SECONDS, SilentWorkers

STAGE = Stage("toy", 1, {}, {}, label="toy")


class Run:
    """Checks at times that the test chooses, with a lease that the test touches."""

    def __init__(self, folder: Path) -> None:
        self.leases, self.now, self.events = Leases(folder), 0.0, list[Event]()
        self.silent = SilentWorkers(self.leases, self.events.append, lambda: self.now)
        self.lease = self.leases.take(STAGE.key)

    def check_until(self, seconds: float, *, touching: bool = False) -> int:
        """How many events there are after checks until a time."""
        while self.now < seconds:
            self.now += CHECK_SECONDS
            if touching:
                os.utime(self.lease.path, (self.now, self.now))  # type: ignore[union-attr]
            self.silent.check([STAGE])
        return len(self.events)


def test_a_silent_worker_is_reported_once_and_again_after_a_sign_of_life(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.check_until(EXPIRY) == 0
    assert run.check_until(5 * EXPIRY) == 1
    assert run.events[0].stage is STAGE
    assert f"no sign of life for {EXPIRY + CHECK_SECONDS:.0f} s" in run.events[0].facts["problem"]
    assert f"process {os.getpid()} on" in run.events[0].facts["problem"]
    assert run.check_until(8 * EXPIRY, touching=True) == 1
    assert run.check_until(11 * EXPIRY) == 2


def test_a_worker_that_touches_its_lease_is_not_reported(tmp_path: Path) -> None:
    assert Run(tmp_path).check_until(20 * EXPIRY, touching=True) == 0


def test_a_run_that_was_paused_itself_begins_to_wait_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.check_until(EXPIRY)
    run.now += 1000
    assert run.check_until(1000 + EXPIRY + 5) == 0


def test_a_stage_without_a_lease_is_not_reported(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.lease.path.unlink()  # type: ignore[union-attr]
    assert run.check_until(5 * EXPIRY) == 0
