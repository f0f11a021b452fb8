"""Runs of one plan whose processes are killed at random, and what must hold of their store."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.core.plan import Plan
from xstilts.core.store import Store


@dataclass
class KillStorm:
    """Drivers in one store; they and their workers are killed at random times.

    Args:
        command: of a driver.
        seed: of the times and victims.
        drivers: running at the same time; one that has ended is started again.
        pauses: shortest and longest time between two kills, in seconds.

    Attributes:
        kills: process kind ("driver", "worker") → how many were killed.
        replaced: keys of artifacts whose manifest became another file after it was seen.
    """

    store: Store
    plan: Plan
    command: Sequence[str]
    environment: Mapping[str, str]
    seed: int = 0
    drivers: int = 2
    pauses: tuple[float, float] = (0.1, 0.5)
    kills: Counter[str] = field(default_factory=Counter)
    replaced: set[str] = field(default_factory=set)
    _seen: dict[str, int] = field(default_factory=dict)

    def run(self, kills: int, seconds: float) -> None:
        """Kill until the plan is done or there were enough kills, then end all drivers.

        Raises:
            TimeoutError: neither happened within a number of seconds.
        """
        draw, until = random.Random(self.seed), time.monotonic() + seconds
        running: list[subprocess.Popen[bytes]] = []
        try:
            while self.kills.total() < kills and not self.is_done:
                if time.monotonic() > until:
                    raise TimeoutError(f"{self.kills} kills, {len(self._seen)} artifacts")
                running = [process for process in running if process.poll() is None]
                while len(running) < self.drivers:
                    running.append(self._start())
                time.sleep(draw.uniform(*self.pauses))
                self._watch()
                self._kill_one(draw, [process.pid for process in running])
        finally:
            for process in running:
                process.kill()
                process.wait()
        self._watch()

    @property
    def is_done(self) -> bool:
        """Whether every stage of the plan has an artifact."""
        return set(self.store.keys()) >= self.plan.by_key.keys()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.environment}
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(self.command, env=environment, stdout=nowhere, stderr=nowhere)

    def _kill_one(self, draw: random.Random, drivers: Sequence[int]) -> None:
        victims = [("driver", pid) for pid in drivers]
        victims += [("worker", pid) for driver in drivers for pid in child_processes(driver)]
        kind, pid = draw.choice(victims)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[kind] += 1

    def _watch(self) -> None:
        """Note artifacts that are not the ones that were seen before."""
        for key in self.store.keys():  # noqa: SIM118
            with suppress(FileNotFoundError):
                manifest = (self.store.artifact(key).path / "manifest.json").stat().st_ino
                if self._seen.setdefault(key, manifest) != manifest:
                    self.replaced.add(key)


def child_processes(pid: int) -> list[int]:
    """The children of a process; none if it has ended."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def published_twice(store: Store) -> list[str]:
    """Keys that more than one run has made, by the journal."""
    made = Counter(
        event["key"]
        for event in store.journal.read()
        if event["event"] == "done" and event["seconds"] > 0
    )
    return [key for key, count in made.items() if count > 1]
