"""Worker processes on this machine, one for each entry of a list of devices."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xstilts.core.devices import Device
from xstilts.core.machine_memory import gpu_memory, oom_kills
from xstilts.core.stage import Stage
from xstilts.core.stopping import STOPPED
from xstilts.executors.forked_workers import (
    CAN_FORK,
    ChildProcess,
    ForkedProcess,
    fork_worker,
)
from xstilts.executors.node_checks import gpu_shortage
from xstilts.executors.worker_death import WorkerDeath

READ_BYTES = 1 << 16
ASKED_TO_STOP = (STOPPED, -signal.SIGTERM)
"""Exit codes of workers that a signal has stopped, the latter before they handled signals."""
SIGNAL_SECONDS = 2.0
"""A batch system sends its signal to every process: within this time it reaches this one too, and
the worker has then not died, but was stopped."""


def worker_command(root: Path, devices_per_stage: int = 1) -> list[str]:
    """The command line of a worker process for a store."""
    arguments = worker_arguments(root, devices_per_stage)
    return [sys.executable, "-m", "xstilts.executors.worker", *arguments]


def worker_arguments(root: Path, devices_per_stage: int = 1) -> list[str]:
    """What follows the module's name in the command line of a worker process."""
    return [str(root), *([str(devices_per_stage)] if devices_per_stage > 1 else [])]


@dataclass(eq=False)
class WorkerProcess:
    """A worker process and what it was given.

    Args:
        slot: its position in the pool's list of devices.
        affinity: of its last stage, whose model it still has in memory.
        cores: how many it may use.
        host: name of this machine, if the stages may run on others.
    """

    process: ChildProcess
    slot: int = 0
    host: str = ""
    is_ready: bool = True
    is_machine_lost: bool = False
    stage: Stage | None = None
    affinity: str = ""
    cores: int = 1
    unread: bytes = field(default=b"", repr=False)

    def set_cores(self, cores: int) -> None:
        """Let it use so many cores from now on."""
        if cores != self.cores:
            self.cores = cores
            self.send({"cores": cores})

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; if the process has died, `read` reports it."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()

    def close(self) -> None:
        """Close the pipes to the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()

    def read(self) -> list[dict[str, Any]] | None:
        """The complete messages that can be read; None once the process has ended."""
        assert self.process.stdout
        data = os.read(self.process.stdout.fileno(), READ_BYTES)
        if not data:
            return None
        *lines, self.unread = (self.unread + data).split(b"\n")
        return [json.loads(line) for line in lines]


class WorkerPool:
    """Worker processes, started when they are needed.

    Args:
        root: the store's folder.
        devices: the device of each worker.
        cores: that the busy workers share.
        memory: key → expected bytes of a stage at its peak, for messages.
        devices_per_stage: number of processes among which a worker divides a training.
        host: name of this machine, if the stages may run on others.
        least_gpu_memory: key → bytes without which a GPU cannot run a stage.
        forked: whether workers on a CPU are forked; see `executors.forked_workers`.
    """

    def __init__(
        self,
        root: Path,
        devices: Sequence[Device],
        cores: int,
        memory: Mapping[str, int] = MappingProxyType({}),
        devices_per_stage: int = 1,
        host: str = "",
        least_gpu_memory: Mapping[str, int] = MappingProxyType({}),
        forked: bool = False,
    ) -> None:
        self.root, self.devices, self.cores, self.memory = root, devices, cores, memory
        self.forked = forked and CAN_FORK
        self.devices_per_stage = devices_per_stage
        self.host, self.least_gpu_memory = host, least_gpu_memory
        self.oom_kills = oom_kills()
        self.workers: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()

    @property
    def busy(self) -> list[WorkerProcess]:
        """Workers with a stage."""
        return [worker for worker in self.workers if worker.stage]

    @property
    def is_full(self) -> bool:
        """Whether every device has its worker."""
        return len(self.workers) >= len(self.devices)

    def start(self) -> WorkerProcess:
        """Start a worker on the first device without one: that of a worker that has died."""
        used = {worker.slot for worker in self.workers}
        slot = next(number for number in range(len(self.devices)) if number not in used)
        process = self._start_process(self.devices[slot])
        worker = WorkerProcess(process, slot, self.host)
        self.workers.append(worker)
        assert process.stdout
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _start_process(self, device: Device) -> ChildProcess:
        environment = device.environment(os.environ)
        with (self.root / "worker.log").open("ab") as log:
            if self.forked and not device.is_gpu:
                arguments = worker_arguments(self.root, self.devices_per_stage)
                return fork_worker(arguments, environment, log.fileno())
            return subprocess.Popen(
                worker_command(self.root, self.devices_per_stage),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )

    def shortage(self, worker: WorkerProcess, stage: Stage) -> str:
        """Which memory the worker's GPU lacks for a stage; empty if none."""
        device = self.devices[worker.slot]
        if stage.key not in self.least_gpu_memory or not device.is_gpu:
            return ""
        sizes = [size for gpu in device.gpus if (size := gpu_memory(gpu))]
        return gpu_shortage(self.least_gpu_memory[stage.key], min(sizes, default=None))

    def share_cores(self) -> None:
        """Divide the cores evenly among the busy workers."""
        busy = self.busy
        for number, worker in enumerate(busy):
            worker.set_cores(max(1, (self.cores + number) // len(busy)))

    def readable(self, timeout: float) -> Iterator[WorkerProcess]:
        """Workers that have sent something or ended, after at most `timeout` seconds."""
        for ready, _ in self._selector.select(timeout=timeout):
            yield ready.data

    def remove(self, worker: WorkerProcess) -> None:
        """End a worker's process, if it has not ended, and free its device."""
        assert worker.process.stdout
        self._selector.unregister(worker.process.stdout)
        self.workers.remove(worker)
        worker.process.kill()
        worker.close()
        worker.process.wait()

    def cause_of_death(self, worker: WorkerProcess) -> str:
        """Why a worker's process has ended, in words."""
        code = worker.process.wait()
        if code in ASKED_TO_STOP:
            time.sleep(SIGNAL_SECONDS)
        before, self.oom_kills = self.oom_kills, oom_kills()
        expected = self.memory.get(worker.stage.key) if worker.stage else None
        with_server = isinstance(worker.process, ForkedProcess) and worker.process.ended_with_server
        return WorkerDeath(code, before, self.oom_kills, expected, with_server).text

    def close(self) -> None:
        """End all workers."""
        for worker in list(self.workers):
            self.remove(worker)
        self._selector.close()
