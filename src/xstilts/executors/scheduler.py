"""What runs next, what failed, and what is skipped: the decisions of a run, for any executor.

A run loop asks for the next stage of each idle worker, and passes on what its workers send. How
stages and messages travel is the pool's part: nothing in here starts or reaches a process.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from xstilts.core.device_errors import DEVICE_FAILED, DEVICE_UNCLEAR
from xstilts.core.dropped import WHY_AGAIN
from xstilts.core.errors import StoreError
from xstilts.core.leases import HeldElsewhere
from xstilts.core.plan import Plan, StageState
from xstilts.core.stage import Stage, blocking_fact, reads_blocking
from xstilts.core.store import Store
from xstilts.executors.attempts import USED_UP, Attempts
from xstilts.executors.base import RunResult
from xstilts.executors.damaged_inputs import DamagedInputs
from xstilts.executors.disk_space import DiskSpace
from xstilts.executors.events import LOST, Event, Listener
from xstilts.executors.failures import (
    LEFT_NODE,
    HostFailures,
    SubmissionFailures,
    reads_machine,
)
from xstilts.executors.retention import Retention
from xstilts.executors.schedule import choose_stage
from xstilts.executors.todo import TodoStages
from xstilts.planning.disk import stage_disk

BUSY_SECONDS = 0.5
"""Seconds until a stage that another run is working on is tried again."""


class Scheduler:
    """One run of a plan.

    Args:
        on_event: takes what happens to the stages.
        check_disk: whether a stage starts only if the disk has the space that it may need.
        shared: failures of all processes that run this submission, if there are several.

    Attributes:
        result: how the run has ended so far.
        todo: stages that are neither done nor running.
        running: key → stage that a worker has.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        on_event: Listener,
        shared: SubmissionFailures | None = None,
        *,
        check_disk: bool = True,
    ) -> None:
        self.store, self.plan, self.on_event, self._shared = store, plan, on_event, shared
        self.result = RunResult()
        self.todo = TodoStages(plan)
        self.running: dict[str, Stage] = {}
        self._finished: set[str] = set()
        self._blocked: set[str] = set()
        self._run_again: set[str] = set()
        """Keys of stages to do because their files were dropped."""
        self._retention = Retention(store, plan)
        self._disk = DiskSpace(store, checked=check_disk)
        self._attempts = Attempts(store, shared)
        self._damaged = DamagedInputs(store)
        self._holders: dict[str, str] = {}
        self._refused = HostFailures()
        self._refresh()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do or running."""
        return not self.todo and not self.running

    def has_ready(self, count: int) -> bool:
        """Whether so many stages can start now."""
        if count == 1:
            return self.todo.choose("", ()) is not None
        return len(self.todo.ready()) >= count

    def next_stage(
        self, loaded: str, loaded_elsewhere: Collection[str], host: str = ""
    ) -> Stage | None:
        """Take the next stage for a worker; None if none can start now.

        A process of a shared submission skips all stages once the GPUs of its node have failed, in
        whichever process.

        Args:
            loaded: affinity of the worker's last stage; empty for a new worker.
            loaded_elsewhere: affinities of the other busy workers' stages.
            host: name of the worker's machine.
        """
        if self._shared and (node := self._shared.host) in self._shared.broken_nodes():
            for key in list(self.todo):
                self._skip(self.plan.by_key[key], LEFT_NODE.format(node=node))
        while stage := self._fitting_stage(loaded, loaded_elsewhere, host):
            if stage.key not in self._run_again and self._is_dropped(stage.key):
                self._find_finished()
            elif self._shared and (failure := self._shared.failure(stage.key)):
                self.todo.remove(stage.key)
                self._close_failed(stage, failure)
            elif not self._is_given_up(stage):
                self.todo.remove(stage.key)
                self.running[stage.key] = stage
                return stage
        return None

    def _is_given_up(self, stage: Stage) -> bool:
        """Whether a stage that was started too often fails now, or waits for its holder."""
        if not self._attempts.are_used_up(stage.key):
            return False
        with self.store.leases.hold(stage.key) as lease:
            if isinstance(lease, HeldElsewhere):
                self._wait_for(stage, lease.text)
                return True
            self.store.look_again()
            if self.store.has(stage.key) or not self._attempts.are_used_up(stage.key):
                return False
            self.todo.remove(stage.key)
            if self._shared and (failure := self._shared.failure(stage.key)):
                self._close_failed(stage, failure)  # its last start has failed just now
            else:
                self._fail(stage, {"problem": USED_UP, "exit_code": 3})
        return True

    def _choose(self, loaded: str, loaded_elsewhere: Collection[str], host: str) -> Stage | None:
        """The first choice among the stages that a host has not refused."""
        if not self._refused.problems:
            return self.todo.choose(loaded, loaded_elsewhere)
        possible = (stage for stage in self.todo.ready() if self._refused.can_run(stage.key, host))
        return choose_stage(possible, loaded, loaded_elsewhere)

    def _fitting_stage(
        self, loaded: str, loaded_elsewhere: Collection[str], host: str
    ) -> Stage | None:
        """The stage to run next, if the disk has space for it.

        One that does not fit waits for running stages, which may free some, or fails.
        """
        refused: list[tuple[Stage, str]] = []
        stage = self._choose(loaded, loaded_elsewhere, host)
        while stage:
            problem = self._disk.problem(stage, self.running.values())
            if not problem:
                return stage
            refused.append((stage, problem))
            limit = stage_disk(stage)
            smaller = [
                other
                for other in self.todo.ready()
                if stage_disk(other) < limit and self._refused.can_run(other.key, host)
            ]
            stage = choose_stage(smaller, loaded, loaded_elsewhere)
        for stage, problem in refused:
            self._wait_for_disk(stage, problem)
        return None

    def _wait_for_disk(self, stage: Stage, problem: str) -> None:
        if not self.running:
            self.todo.remove(stage.key)
            self._fail(stage, {"problem": problem, "exit_code": StoreError.exit_code})
        elif stage.key not in self._holders:
            self._holders[stage.key] = "disk"
            self.on_event(Event("note", stage, {"problem": f"waiting: {problem}"}))

    def refuse(self, stage: Stage, host: str, problem: str, device: str = "") -> None:
        """Put back a stage that a host cannot run, until all hosts have refused it.

        Processes of a shared submission have one host each: the others decide for themselves.

        Args:
            device: as in the worker's message.
        """
        self.running.pop(stage.key, None)
        if self._shared:
            failure = {"problem": f"{host}: {problem}", "exit_code": 3, "device": device}
            self._fail(stage, failure, only_here=True)
            return
        self.todo.put_last(stage.key)
        self._refused.add(stage.key, host, problem)
        self.on_event(Event("note", stage, {"problem": f"{host} cannot run it: {problem}"}))

    def fail_refused(self, hosts: Collection[str]) -> None:
        """Fail the stages that every host of the workers has refused."""
        for key in self._refused.refused_by(hosts) if hosts else ():
            if key in self.todo:
                self.todo.remove(key)
                problem = self._refused.take(key)
                self._fail(self.plan.by_key[key], {"problem": problem, "exit_code": 3})

    def receive(self, message: dict[str, Any], host: str = "") -> bool:
        """Act on a message of a worker; return whether it ends the worker's stage.

        Args:
            host: name of the worker's machine, if the stage may run on another one.

        Raises:
            StoreError: an artifact was damaged again after it was rebuilt.
        """
        stage, event = self.plan.by_key[message["key"]], message["event"]
        if event in ("started", "progress"):
            self._report(stage, event, message.get("facts", {}))
            return False
        self.running.pop(stage.key, None)
        if event == "busy":
            self._wait_for(stage, message.get("holder", "another process"))
        elif event == "damaged":
            self._receive_damage(stage, message, host)
        elif event == "done":
            self._done(stage, message)
        elif event == "stopped":
            self.todo.put_last(stage.key)
        elif host and (device := message.get("device")) in (DEVICE_FAILED, DEVICE_UNCLEAR):
            self.refuse(stage, host, message["problem"], device)
        elif event == LOST:
            self.lose(stage, message["problem"])
        elif host and reads_machine(stage):
            self.refuse(stage, host, message["problem"])
        else:
            self._fail(stage, message)
        if event != "stopped":
            self._attempts.end(stage.key)  # after its failure is recorded: other tasks read both
        return True

    def lose(self, stage: Stage, problem: str, *, with_machine: bool = False) -> None:
        """Schedule the stage of a lost worker once more, or count it as failed; see `Attempts`.

        Args:
            with_machine: whether the worker's machine was lost, and not its process alone.
        """
        self.running.pop(stage.key, None)
        if self._attempts.count_loss(stage.key, with_machine=with_machine):
            self.on_event(Event("note", stage, {"problem": problem + "; trying once more"}))
            self.todo.put_first(stage.key)
        else:
            self._fail(stage, {"problem": problem, "exit_code": 3})
        self._attempts.end(stage.key)

    def _refresh(self) -> None:
        """Read from the store which stages are done, blocked and to do."""
        for keys in (self._finished, self._blocked, self._run_again):
            keys.clear()
        todo, unreadable = list[str](), dict[str, StoreError]()
        for key, status in self.plan.statuses(self.store, unreadable).items():
            if key in unreadable:
                continue
            if status.state is StageState.DONE:
                self._finished.add(key)
            elif status.state is StageState.BLOCKED:
                self._blocked.add(key)
                self._skip(self.plan.by_key[key], status.why)
            elif not any(key in keys for keys in self._closed_or_running()):
                todo.append(key)
            if status.why == WHY_AGAIN:
                self._run_again.add(key)
        self.todo.reset((key for key in todo if key not in self.result.skipped), self._finished)
        for key, error in unreadable.items():
            if key not in self.running and key not in self.result.failed:
                failure = {"problem": str(error), "exit_code": error.exit_code}
                self._close_failed(self.plan.by_key[key], failure)
        self._retention.drop_unneeded(self._finished, self._blocked)
        self.result.freed = self._retention.freed

    def _is_dropped(self, key: str) -> bool:
        """Whether a stage counts as finished without its files; not if its manifest is damaged.

        Also if it cannot be read: the next look at the store tells.
        """
        try:
            return self.store.get_dropped(key) is not None
        except StoreError:
            return True

    def _find_finished(self) -> None:
        """Find stages that other runs have finished, and maybe dropped, meanwhile."""
        todo = list(self.todo)
        self._refresh()
        for key in filter(self._finished.__contains__, todo):
            facts = self.store.artifact(key).facts
            self._done(self.plan.by_key[key], {"facts": facts, "seconds": 0.0})

    def _closed_or_running(self) -> tuple[Collection[str], ...]:
        return self.result.failed, self.result.skipped, self.running

    def _wait_for(self, stage: Stage, holder: str) -> None:
        """Try a stage again later that another process works on; report each holder once."""
        self.todo.put_last(stage.key, time.monotonic() + BUSY_SECONDS)
        if self._holders.get(stage.key) != holder:
            self._holders[stage.key] = holder
            self.on_event(Event("note", stage, {"problem": f"waiting: held by {holder}"}))

    def _report(self, stage: Stage, event: Any, facts: dict[str, Any]) -> None:
        if "notice" in facts:
            self.on_event(Event("note", stage, {"problem": facts["notice"]}))
            return
        self.on_event(Event(event, stage, facts))
        if event == "started":
            self._attempts.begin(stage.key)
            self.store.journal.write("started", key=stage.key, label=stage.label)

    def _done(self, stage: Stage, message: dict[str, Any]) -> None:
        self._finished.add(stage.key)
        self.todo.finish(stage.key)
        self.result.done.append(stage.key)
        facts, seconds = message["facts"], round(message["seconds"], 3)
        self.store.journal.write("done", key=stage.key, label=stage.label, seconds=seconds)
        self.on_event(Event("done", stage, {**facts, "seconds": seconds}))
        if blocking := blocking_fact(facts):
            self._skip_dependants(stage, blocking, finished=True)
        self._retention.after(stage.key, self._finished, self._blocked)
        self.result.freed = self._retention.freed

    def _fail(self, stage: Stage, message: dict[str, Any], *, only_here: bool = False) -> None:
        """Count a stage as failed, also for the other processes of this submission."""
        if self._shared:
            self._shared.record(stage.key, message, only_here=only_here)
        self._close_failed(stage, message)

    def _close_failed(self, stage: Stage, message: dict[str, Any]) -> None:
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
        lost, unread = {stage.key}, [stage.key]
        while unread:
            read = unread.pop()
            for key in self.todo.dependants(read):
                other = self.plan.by_key[key]
                usable = finished and read == stage.key and reads_blocking(other)
                if not usable and key not in lost and key in self.todo:
                    lost.add(key)
                    unread.append(key)
        for key in sorted(lost - {stage.key}, key=self.plan.positions.__getitem__):
            self._blocked |= {key} if finished else set()
            self._skip(self.plan.by_key[key], f"{stage.label} {what}")

    def _skip(self, stage: Stage, why: str) -> None:
        self.todo.remove(stage.key)
        if stage.key not in self.result.skipped:
            self.result.skipped[stage.key] = why
            self.on_event(Event("skipped", stage, {"why": why}))

    def _receive_damage(self, stage: Stage, message: dict[str, Any], host: str) -> None:
        """Rebuild an artifact that a worker has found damaged, if it is so for this process too.

        A machine with bad memory, or a network file system that shows it an old state, must not
        have good artifacts removed: the stage is then tried elsewhere, or once more.
        """
        damaged, problem = message["damaged"], message["problem"]
        if damaged not in self.plan.by_key:  # of a nested store, say: nothing to do again
            self._fail(stage, {"problem": problem, "exit_code": StoreError.exit_code})
        elif self._damaged.was_set_aside(damaged, stage.key):
            self._refresh()
        elif not (doubt := self._damaged.doubt(damaged)):
            if stays := self._damaged.set_aside(damaged, problem, self.running):
                failure = {"problem": problem.splitlines()[0] + stays}
                self._fail(stage, {**failure, "exit_code": StoreError.exit_code})
                return
            self.on_event(Event("note", self.plan.by_key[damaged], {"problem": problem}))
            self._refresh()
        elif host and not self._shared:
            self.refuse(stage, host, problem.splitlines()[0] + doubt)
        else:
            self.lose(stage, problem.splitlines()[0] + doubt)
