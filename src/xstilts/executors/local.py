"""The local executor: worker processes on this machine, one per GPU, each running many stages."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from xstilts.core.cpu import available_cores
from xstilts.core.devices import worker_devices
from xstilts.core.errors import StoreError
from xstilts.core.machine_memory import oom_kills
from xstilts.core.plan import Plan, StageState
from xstilts.core.stage import Stage, blocking_fact, reads_blocking
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import Event, Listener
from xstilts.executors.pool import WorkerPool, WorkerProcess
from xstilts.executors.schedule import choose_stage
from xstilts.executors.worker_death import WorkerDeath

POLL_SECONDS = 0.5
"""Seconds until a stage that another run is working on is tried again."""
MAX_ATTEMPTS = 2
"""How often a stage may lose its process before it counts as failed."""


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

        An exception, such as a KeyboardInterrupt, ends the workers and is passed on; the next
        call resumes.

        Raises:
            StoreError: an artifact was damaged again after it was rebuilt.
        """
        with closing(WorkerPool(self.store.root, self.devices, self.cores)) as pool:
            return _LocalRun(self.store, plan, pool, on_event, self.options).loop()


class _LocalRun:
    """One call of `LocalExecutor.run`."""

    def __init__(
        self,
        store: Store,
        plan: Plan,
        pool: WorkerPool,
        on_event: Listener,
        options: ExecutorOptions,
    ) -> None:
        self.store, self.plan, self.pool = store, plan, pool
        self.on_event, self.options = on_event, options
        self.oom_kills = oom_kills()
        self.result = RunResult()
        self.finished: set[str] = set()
        self.todo: dict[str, Stage] = {}
        self.attempts_left: dict[str, int] = {}
        self.not_before: dict[str, float] = {}
        self._refresh()

    def _refresh(self) -> None:
        """Read from the store which stages are done, blocked and to do."""
        self.finished.clear()
        self.todo.clear()
        for key, status in self.plan.statuses(self.store).items():
            if status.state is StageState.DONE:
                self.finished.add(key)
            elif status.state is StageState.BLOCKED:
                self._skip(self.plan.by_key[key], status.why)
            elif key not in self.result.failed and key not in self.result.skipped:
                self.todo[key] = self.plan.by_key[key]

    def loop(self) -> RunResult:
        """Give stages to idle workers and handle the events of busy ones until all are done."""
        while self.todo or self.pool.busy:
            self._give_stages()
            self.pool.share_cores()
            if not self.pool.busy:
                time.sleep(POLL_SECONDS / 5)
            for worker in self.pool.readable(POLL_SECONDS):
                self._read_events(worker)
        return self.result

    # stages to workers

    def _give_stages(self) -> None:
        while True:
            idle = self.pool.idle
            stage = None if idle is None and self.pool.is_full else self._next_stage(idle)
            if stage is None:
                return
            del self.todo[stage.key]
            (idle or self.pool.start()).give(stage)

    def _next_stage(self, worker: WorkerProcess | None) -> Stage | None:
        """The stage for an idle worker, or for one that is yet to be started (None)."""
        now = time.monotonic()
        ready = [
            stage
            for stage in self.todo.values()
            if self.finished.issuperset(stage.inputs.values())
            and self.not_before.get(stage.key, 0) <= now
        ]
        elsewhere = {other.affinity for other in self.pool.busy}
        return choose_stage(ready, worker.affinity if worker else "", elsewhere)

    # events from workers

    def _read_events(self, worker: WorkerProcess) -> None:
        messages = worker.read()
        if messages is None:
            self._handle_worker_death(worker)
            return
        for message in messages:
            self._handle_event(worker, message)

    def _handle_event(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        stage, event = self.plan.by_key[message["key"]], message["event"]
        if event in ("started", "progress"):
            facts = message.get("facts", {})
            if "notice" in facts:
                self.on_event(Event("note", stage, {"problem": facts["notice"]}))
                return
            self.on_event(Event(event, stage, facts))
            if event == "started":
                self.store.journal.write("started", key=stage.key, label=stage.label)
            return
        worker.stage = None
        if event == "busy":
            self.todo[stage.key] = stage
            self.not_before[stage.key] = time.monotonic() + POLL_SECONDS
        elif event == "damaged":
            self._rebuild_damaged(message["damaged"], message["problem"])
        elif event == "done":
            self._done(stage, message)
        else:
            self._fail(stage, message)
        if self.options.isolate:
            self.pool.remove(worker)

    def _done(self, stage: Stage, message: dict[str, Any]) -> None:
        self.finished.add(stage.key)
        self.result.done.append(stage.key)
        facts, seconds = message["facts"], round(message["seconds"], 3)
        self.store.journal.write("done", key=stage.key, label=stage.label, seconds=seconds)
        self.on_event(Event("done", stage, {**facts, "seconds": seconds}))
        if blocking := blocking_fact(facts):
            self._skip_dependants(stage, blocking, finished=True)

    def _fail(self, stage: Stage, message: dict[str, Any]) -> None:
        problem = message["problem"]
        self.result.failed[stage.key] = problem
        self.result.exit_code = max(self.result.exit_code, message.get("exit_code", 3))
        self.store.journal.write("failed", key=stage.key, label=stage.label, problem=problem)
        self.on_event(Event("failed", stage, message))
        self._skip_dependants(stage, "failed")

    def _skip_dependants(self, stage: Stage, what: str, *, finished: bool = False) -> None:
        """Skip all stages that need this one, directly or not.

        Args:
            finished: it has finished, without an output for most kinds of stages.
        """
        lost = {stage.key}
        for other in self.plan.stages:
            needed = lost.intersection(other.inputs.values())
            if finished and reads_blocking(other):
                needed.discard(stage.key)
            if needed:
                lost.add(other.key)
                self._skip(other, f"{stage.label} {what}")

    def _skip(self, stage: Stage, why: str) -> None:
        self.todo.pop(stage.key, None)
        if stage.key not in self.result.skipped:
            self.result.skipped[stage.key] = why
            self.on_event(Event("skipped", stage, {"why": why}))

    # repair

    def _rebuild_damaged(self, damaged: str, problem: str) -> None:
        """Quarantine a damaged artifact, so that it and what needs it are to do again."""
        if self._attempts_left_after_this(damaged) < 0:
            raise StoreError(
                f"{problem} again, after it was rebuilt", todo="check the store's disk"
            )
        self.store.quarantine(damaged)
        self.on_event(Event("note", self.plan.by_key[damaged], {"problem": problem}))
        self._refresh()
        for worker in self.pool.busy:
            assert worker.stage
            self.todo.pop(worker.stage.key, None)

    def _handle_worker_death(self, worker: WorkerProcess) -> None:
        """Try the stage of a worker that died once more, then count it as failed."""
        stage, code = worker.stage, worker.process.wait()
        self.pool.remove(worker)
        if stage is None:
            return
        before, self.oom_kills = self.oom_kills, oom_kills()
        death = WorkerDeath(code, before, self.oom_kills, self.options.memory.get(stage.key))
        problem = death.text
        if self._attempts_left_after_this(stage.key) > 0:
            self.on_event(Event("note", stage, {"problem": problem + "; trying once more"}))
            self.todo = {stage.key: stage, **self.todo}
        else:
            self._fail(stage, {"problem": problem, "exit_code": 3})

    def _attempts_left_after_this(self, key: str) -> int:
        self.attempts_left[key] = self.attempts_left.get(key, MAX_ATTEMPTS) - 1
        return self.attempts_left[key]
