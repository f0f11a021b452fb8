"""The local executor: worker processes on this machine, each running stage after stage."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from xstilts.core.cpu import available_cores
from xstilts.core.errors import StoreError
from xstilts.core.plan import Plan, StageState
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.events import Event, Listener

POLL_SECONDS = 0.5
"""Seconds before a stage that another run is working on is looked at again."""
MAX_ATTEMPTS = 2
"""How often a stage may lose its process before it counts as failed."""


@dataclass
class RunResult:
    """How a run went: keys of stages by what became of them."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    stage: Stage | None = None
    affinity: str = ""
    started: float = 0.0
    buffer: bytes = b""
    cores: int = 1

    def send(self, message: dict[str, Any]) -> None:
        """Send it a line; of its death `_hear` hears."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()


class LocalExecutor:
    """Runs what is to do in a plan.

    Args:
        workers: processes at a time. Each has its own memory.
        isolate: a fresh process for every stage.
        cores: that the workers share; by default all. The busy ones share them alike.
    """

    def __init__(
        self, store: Store, *, workers: int, isolate: bool = False, cores: int | None = None
    ) -> None:
        self.store, self.count, self.isolate = store, workers, isolate
        self.cores = cores or available_cores()

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Run all stages that are to do; a failed stage stops only those that need it.

        A KeyboardInterrupt ends the workers and is passed on; `run` again goes on from there.
        """
        run = _RunState(self, plan, on_event)
        with run.workers():
            run.loop()
        return run.outcome


class _RunState:
    """The state of one call of `run`."""

    def __init__(self, executor: LocalExecutor, plan: Plan, listen: Listener) -> None:
        self.executor, self.plan, self.listen = executor, plan, listen
        self.store = executor.store
        self.outcome = RunResult()
        self.selector = selectors.DefaultSelector()
        self.pool: list[_Worker] = []
        self.finished: set[str] = set()
        self.lives: dict[str, int] = {}
        self.not_before: dict[str, float] = {}
        self.todo: dict[str, Stage] = {}
        self._refresh()

    def _refresh(self) -> None:
        """Sort the plan's stages by where they stand in the store."""
        self.finished.clear()
        self.todo.clear()
        for key, standing in self.plan.standings(self.store).items():
            if standing.state is StageState.DONE:
                self.finished.add(key)
            elif standing.state is StageState.DIVERGED:
                self._skip(self.plan.by_key[key], standing.why)
            elif key not in self.outcome.failed and key not in self.outcome.skipped:
                self.todo[key] = self.plan.by_key[key]

    @contextmanager
    def workers(self) -> Iterator[None]:
        """The worker processes, started as needed and always ended."""
        try:
            yield
        finally:
            for worker in list(self.pool):
                self._stop_workers(worker)
            self.selector.close()

    def loop(self) -> None:
        """Give stages to idle workers and hear from busy ones until nothing is left."""
        while self.todo or any(worker.stage for worker in self.pool):
            self._assign()
            self._assign_cores()
            if not any(worker.stage for worker in self.pool):
                time.sleep(POLL_SECONDS / 5)
            for ready, _ in self.selector.select(timeout=POLL_SECONDS):
                self._read_events(ready.data)

    # giving out work

    def _assign(self) -> None:
        while True:
            idle = next((worker for worker in self.pool if worker.stage is None), None)
            full = idle is None and len(self.pool) >= self.executor.count
            stage = None if full else self._next(idle)
            if stage is None:
                return
            del self.todo[stage.key]
            worker = idle or self._start()
            worker.stage, worker.affinity = stage, stage.affinity or stage.key
            worker.started = time.monotonic()
            worker.send(stage.to_json())

    def _assign_cores(self) -> None:
        """Tell the busy workers how many cores each may use, if that has changed."""
        busy = [worker for worker in self.pool if worker.stage]
        for place, worker in enumerate(busy):
            cores = max(1, (self.executor.cores + place) // len(busy))
            if cores != worker.cores:
                worker.cores = cores
                worker.send({"cores": cores})

    def _next(self, worker: _Worker | None) -> Stage | None:
        """The first ready stage, if possible one that this worker has the model of.

        Args:
            worker: the idle one, or None for one that is yet to be started.
        """
        now = time.monotonic()
        ready = [
            stage
            for stage in self.todo.values()
            if self.finished.issuperset(stage.inputs.values())
            and self.not_before.get(stage.key, 0) <= now
        ]
        mine = worker.affinity if worker else ""
        others = {other.affinity for other in self.pool if other.stage and other is not worker}

        def preference(stage: Stage) -> int:
            if mine and stage.affinity == mine:
                return 0
            return 2 if stage.affinity and stage.affinity in others else 1

        return min(ready, key=preference, default=None)

    # hearing back

    def _read_events(self, worker: _Worker) -> None:
        assert worker.process.stdout
        data = os.read(worker.process.stdout.fileno(), 1 << 16)
        if not data:
            self._handle_worker_death(worker)
            return
        *lines, worker.buffer = (worker.buffer + data).split(b"\n")
        for line in lines:
            self._handle_event(worker, json.loads(line))

    def _handle_event(self, worker: _Worker, message: dict[str, Any]) -> None:
        stage, event = self.plan.by_key[message["key"]], message["event"]
        if event in ("started", "progress"):
            self.listen(Event(event, stage, message.get("facts", {})))
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
        if self.executor.isolate:
            self._stop_workers(worker)

    def _done(self, stage: Stage, message: dict[str, Any]) -> None:
        self.finished.add(stage.key)
        self.outcome.done.append(stage.key)
        facts, seconds = message["facts"], round(message["seconds"], 3)
        self.store.journal.write("done", key=stage.key, label=stage.label, seconds=seconds)
        self.listen(Event("done", stage, {**facts, "seconds": seconds}))
        if "diverged" in facts:
            for other in self._dependants(stage.key):
                self._skip(other, f"{stage.label} diverged")

    def _fail(self, stage: Stage, message: dict[str, Any]) -> None:
        problem = message["problem"]
        self.outcome.failed[stage.key] = problem
        self.outcome.exit_code = max(self.outcome.exit_code, message.get("exit_code", 3))
        self.store.journal.write("failed", key=stage.key, label=stage.label, problem=problem)
        self.listen(Event("failed", stage, message))
        for other in self._dependants(stage.key):
            self._skip(other, f"{stage.label} failed")

    def _skip(self, stage: Stage, why: str) -> None:
        self.todo.pop(stage.key, None)
        if stage.key not in self.outcome.skipped:
            self.outcome.skipped[stage.key] = why
            self.listen(Event("skipped", stage, {"why": why}))

    def _rebuild_damaged(self, damaged: str, problem: str) -> None:
        """Set a damaged artifact aside and look again at what is to do."""
        self.lives[damaged] = self.lives.get(damaged, MAX_ATTEMPTS) - 1
        if self.lives[damaged] < 0:
            raise StoreError(
                f"{problem} – again, after it was made anew", todo="look at the store's disk"
            )
        self.store.quarantine(damaged)
        self.listen(Event("note", self.plan.by_key[damaged], {"problem": problem}))
        busy = {worker.stage.key for worker in self.pool if worker.stage}
        self._refresh()
        for key in busy:
            self.todo.pop(key, None)

    def _dependants(self, key: str) -> list[Stage]:
        lost, found = {key}, []
        for stage in self.plan.stages:
            if lost.intersection(stage.inputs.values()):
                lost.add(stage.key)
                found.append(stage)
        return found

    # processes

    def _start(self) -> _Worker:
        command = [sys.executable, "-m", "xstilts.executors.worker", str(self.store.root)]
        log = (self.store.root / "worker.log").open("ab")
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        log.close()
        worker = _Worker(process)
        self.pool.append(worker)
        assert process.stdout
        self.selector.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _stop_workers(self, worker: _Worker) -> None:
        assert worker.process.stdout
        self.selector.unregister(worker.process.stdout)
        self.pool.remove(worker)
        worker.process.kill()
        worker.process.communicate()

    def _handle_worker_death(self, worker: _Worker) -> None:
        """A worker died: try its stage once more, then call it failed."""
        stage = worker.stage
        code = worker.process.wait()
        self._stop_workers(worker)
        if stage is None:
            return
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self.lives[stage.key] = self.lives.get(stage.key, MAX_ATTEMPTS) - 1
        problem = f"its process ended with {how} (see worker.log in the store)"
        if self.lives[stage.key] > 0:
            self.listen(Event("note", stage, {"problem": problem + "; trying once more"}))
            self.todo = {stage.key: stage, **self.todo}
        else:
            self._fail(stage, {"problem": problem, "exit_code": 3})
