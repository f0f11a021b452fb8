"""The loop of a run: stages from the scheduler to a pool's workers, and their messages back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.stopping import take_checkpoint_request
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import LOST, Listener
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.scheduler import Scheduler
from xstilts.executors.silent_workers import SilentWorkers

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.5
"""Seconds until the next look at idle workers if no worker sends anything."""

MAX_STARTING = 8
"""Workers that have not started yet, at most."""


class Worker(Protocol):
    """A process that runs stages, wherever it is.

    One that is gone may have an attribute `is_machine_lost`: whether its machine was lost with it.

    Attributes:
        stage: that it runs now.
        affinity: of its last stage, whose model it still has in memory.
    """

    stage: Stage | None
    affinity: str

    @property
    def host(self) -> str:
        """The name of its machine, if workers are on several; else empty."""

    @property
    def is_ready(self) -> bool:
        """Whether it has started and takes stages."""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; see `executors.worker`."""

    def read(self) -> list[dict[str, Any]] | None:
        """The messages that have arrived; None once the worker is gone."""


AnyWorker = TypeVar("AnyWorker", bound=Worker)


class Pool(Protocol[AnyWorker]):
    """Starts workers and ends them."""

    @property
    def workers(self) -> Sequence[AnyWorker]:
        """All workers."""

    @property
    def is_full(self) -> bool:
        """Whether no further worker can start now."""

    def start(self) -> AnyWorker:
        """Start a worker."""

    def shortage(self, worker: AnyWorker, stage: Stage) -> str:
        """What the worker's machine lacks for a stage, in words; empty if nothing is known."""

    def share_cores(self) -> None:
        """Divide the cores among the busy workers, if they share any."""

    def readable(self, timeout: float) -> Iterator[AnyWorker]:
        """Workers that have sent something or are gone, after at most `timeout` seconds."""

    def remove(self, worker: AnyWorker) -> None:
        """End a worker, if it has not ended, and free what it had."""

    def cause_of_death(self, worker: AnyWorker) -> str:
        """Why a worker is gone, in words."""

    def close(self) -> None:
        """End all workers."""


def run_plan(
    store: Store,
    plan: Plan,
    pool: Pool[AnyWorker],
    options: ExecutorOptions,
    on_event: Listener,
    shared: SubmissionFailures | None = None,
) -> RunResult:
    """Run every stage that is not done, and close the pool.

    An interruption, such as a KeyboardInterrupt, lets trainings save a checkpoint for at most
    `options.grace` seconds, and is passed on. A second one ends the workers at once.

    Raises:
        StoreError: an artifact was damaged again after it was rebuilt.
    """
    try:
        scheduler = Scheduler(store, plan, on_event, shared, check_disk=options.check_disk)
        loop = _RunLoop(scheduler, pool, options)
        try:
            return loop.run()
        except Exception:
            raise
        except BaseException:
            loop.stop()
            raise
    finally:
        pool.close()


class _RunLoop(Generic[AnyWorker]):
    def __init__(
        self, scheduler: Scheduler, pool: Pool[AnyWorker], options: ExecutorOptions
    ) -> None:
        self.scheduler, self.pool, self.options = scheduler, pool, options
        self.silent = SilentWorkers(scheduler.store.leases, scheduler.on_event)

    @property
    def _busy(self) -> list[AnyWorker]:
        return [worker for worker in self.pool.workers if worker.stage]

    def run(self) -> RunResult:
        """Give stages to idle workers and handle the events of busy ones until all are done."""
        while not self.scheduler.is_finished:
            self._give_stages()
            self.pool.share_cores()
            if take_checkpoint_request():
                self._send_to_busy({"checkpoint": True})
            if not self._busy:
                time.sleep(POLL_SECONDS / 5)
            for worker in self.pool.readable(POLL_SECONDS):
                self._read_events(worker)
            self.silent.check(self.scheduler.running.values())
        return self.scheduler.result.with_final_code()

    def stop(self) -> None:
        """Let busy workers save checkpoints, until all have stopped or the time is over.

        No damage is looked into: reading an artifact may take longer than a batch system waits.
        """
        until = time.monotonic() + self.options.grace
        if self._busy:
            text = "stopping: trainings save a checkpoint, within %d s; interrupt again to end now"
            logger.warning(text, round(self.options.grace))
        self._send_to_busy({"stop": self.options.grace})
        while self._busy and (seconds := until - time.monotonic()) > 0:
            for worker in self.pool.readable(seconds):
                messages = worker.read()
                if messages is None:
                    self.pool.remove(worker)
                for message in messages or ():
                    if message["event"] == "damaged" or self.scheduler.receive(message):
                        worker.stage = None

    def _send_to_busy(self, message: dict[str, Any]) -> None:
        for worker in self._busy:
            worker.send(message)

    def _give_stages(self) -> None:
        """Give stages to idle workers, and start workers for further stages."""
        for worker in list(self.pool.workers):
            while worker.stage is None and worker.is_ready:
                if not self._give_stage(worker):
                    break
            if not self.scheduler.has_ready(1):
                return
        if not self.scheduler.has_ready(1):
            return
        if self.pool.is_full:
            hosts = {worker.host for worker in self.pool.workers if worker.is_ready}
            self.scheduler.fail_refused(hosts)
            return
        starting = sum(not worker.is_ready for worker in self.pool.workers)
        while (
            starting < MAX_STARTING
            and not self.pool.is_full
            and self.scheduler.has_ready(starting + 1)
        ):
            worker = self.pool.start()
            if worker.is_ready:
                self._give_stage(worker)
            else:
                starting += 1

    def _give_stage(self, worker: AnyWorker) -> bool:
        """Give a worker its next stage; return whether there was one."""
        elsewhere = {other.affinity for other in self._busy}
        stage = self.scheduler.next_stage(worker.affinity, elsewhere, worker.host)
        if stage is None:
            return False
        if shortage := self.pool.shortage(worker, stage):
            self.scheduler.refuse(stage, worker.host, shortage)
            return True
        worker.stage, worker.affinity = stage, stage.affinity or stage.key
        worker.send(stage.to_json())
        return True

    def _read_events(self, worker: AnyWorker) -> None:
        messages = worker.read()
        if messages is None:
            self._handle_death(worker)
            return
        for message in messages:
            if self.scheduler.receive(message, worker.host):
                worker.stage = None
                if self._ends_with(message):
                    self.pool.remove(worker)

    def _ends_with(self, message: Mapping[str, Any]) -> bool:
        """Whether a worker is not used again after this end of its stage.

        One that found its stage held by another process stays, also with `isolate`: it has run
        nothing, and remembers for how long the holder has been silent. One whose GPU has reported
        an error would get it for each further stage.
        """
        event = message["event"]
        if event in ("stopped", LOST) or "device" in message:
            return True
        return self.options.isolate and event != "busy"

    def _handle_death(self, worker: AnyWorker) -> None:
        stage, cause = worker.stage, self.pool.cause_of_death(worker)
        self.pool.remove(worker)
        if stage:  # the attribute is newer than pools of other packages may be
            with_machine = getattr(worker, "is_machine_lost", False)
            self.scheduler.lose(stage, cause, with_machine=with_machine)
