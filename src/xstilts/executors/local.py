"""The local executor: worker processes on this machine, one per GPU, each running many stages."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from typing import Any

from xstilts.core.cpu import available_cores
from xstilts.core.devices import worker_devices
from xstilts.core.machine_memory import oom_kills
from xstilts.core.plan import Plan
from xstilts.core.stopping import take_checkpoint_request
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import Listener
from xstilts.executors.pool import WorkerPool, WorkerProcess
from xstilts.executors.scheduler import Scheduler
from xstilts.executors.worker_death import WorkerDeath

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.5
"""Seconds until the next look at idle workers if no worker sends anything."""


class LocalExecutor:
    """Runs stages in worker processes, each on a device of its own.

    Args:
        options: workers, devices and isolation; see `core.devices.worker_devices`.
        cores: that the busy workers share evenly; all available ones by default.

    Raises:
        ConfigError: `options.devices` names a device that this machine does not have.
    """

    def __init__(
        self,
        store: Store,
        options: ExecutorOptions = ExecutorOptions(),  # noqa: B008 - frozen
        *,
        cores: int | None = None,
    ) -> None:
        self.store, self.options = store, options
        self.devices = worker_devices(options.devices, options.workers)
        self.cores = cores or available_cores()

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Run every stage that is not done; a failed stage stops only those that need it.

        An interruption, such as a KeyboardInterrupt, lets trainings save a checkpoint for at most
        `options.grace` seconds; it is then passed on, and the next call resumes. A second one ends
        the workers at once.

        Raises:
            StoreError: an artifact was damaged again after it was rebuilt.
        """
        scheduler = Scheduler(self.store, plan, on_event)
        with closing(WorkerPool(self.store.root, self.devices, self.cores)) as pool:
            run = _LocalRun(scheduler, pool, self.options)
            try:
                return run.loop()
            except Exception:
                raise
            except BaseException:
                run.stop()
                raise


class _LocalRun:
    """One call of `LocalExecutor.run`."""

    def __init__(self, scheduler: Scheduler, pool: WorkerPool, options: ExecutorOptions) -> None:
        self.scheduler, self.pool, self.options = scheduler, pool, options
        self.oom_kills = oom_kills()

    def loop(self) -> RunResult:
        """Give stages to idle workers and handle the events of busy ones until all are done."""
        while not self.scheduler.is_finished:
            self._give_stages()
            self.pool.share_cores()
            if take_checkpoint_request():
                self._send_to_busy({"checkpoint": True})
            if not self.pool.busy:
                time.sleep(POLL_SECONDS / 5)
            for worker in self.pool.readable(POLL_SECONDS):
                self._read_events(worker)
        return self.scheduler.result

    def stop(self) -> None:
        """Let busy workers save checkpoints, until all have stopped or the time is over."""
        until = time.monotonic() + self.options.grace
        if self.pool.busy:
            text = "stopping: trainings save a checkpoint, within %d s; interrupt again to end now"
            logger.warning(text, round(self.options.grace))
        self._send_to_busy({"stop": self.options.grace})
        while self.pool.busy and (seconds := until - time.monotonic()) > 0:
            for worker in self.pool.readable(seconds):
                messages = worker.read()
                if messages is None:
                    self.pool.remove(worker)
                for message in messages or ():
                    if self.scheduler.receive(message):
                        worker.stage = None

    def _send_to_busy(self, message: dict[str, Any]) -> None:
        for worker in self.pool.busy:
            worker.send(message)

    def _give_stages(self) -> None:
        while True:
            idle = self.pool.idle
            if idle is None and self.pool.is_full:
                return
            elsewhere = {other.affinity for other in self.pool.busy}
            stage = self.scheduler.next_stage(idle.affinity if idle else "", elsewhere)
            if stage is None:
                return
            (idle or self.pool.start()).give(stage)

    def _read_events(self, worker: WorkerProcess) -> None:
        messages = worker.read()
        if messages is None:
            self._handle_worker_death(worker)
            return
        for message in messages:
            if self.scheduler.receive(message):
                worker.stage = None
                if self.options.isolate or message["event"] == "stopped":
                    self.pool.remove(worker)

    def _handle_worker_death(self, worker: WorkerProcess) -> None:
        stage, code = worker.stage, worker.process.wait()
        self.pool.remove(worker)
        if stage is None:
            return
        before, self.oom_kills = self.oom_kills, oom_kills()
        expected = self.options.memory.get(stage.key)
        self.scheduler.lose(stage, WorkerDeath(code, before, self.oom_kills, expected).text)
