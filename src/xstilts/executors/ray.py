"""The Ray executor: workers on the nodes of a Ray cluster that see the store's folder.

Each worker is an actor with declared CPUs, GPUs and memory, which Ray places and ends; it starts
the same worker process as the local executor does, and passes JSON lines on. The store is the only
state: a driver that is started again finds what is finished. No Ray type leaves this file.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import (
    ExecutorOptions,
    RunResult,
    refuse_cluster_options,
    refuse_device_groups,
)
from xstilts.executors.events import Listener
from xstilts.executors.run_loop import run_plan
from xstilts.executors.worker import versions

CONNECT_SECONDS = 5.0
"""Seconds to wait for a cluster's address to answer."""
CHECK_SECONDS = 120.0
"""Seconds to wait for a new actor to have checked its node; imports may be slow there."""
READ_SECONDS = 1.0
"""Seconds that an actor waits for output of its worker process before it answers."""
READ_BYTES = 1 << 16


class RayExecutor:
    """Runs stages on a Ray cluster; without an address, on one that it starts on this machine.

    By default there is one worker per GPU of the cluster, or per CPU where it has no GPU.

    Raises:
        ConfigError: Ray is not installed, or the address does not answer.
    """

    def __init__(self, store: Store, options: ExecutorOptions) -> None:
        if options.devices != "auto":
            raise ConfigError(
                "Ray assigns the GPUs of a cluster", where="--devices", todo="leave it out"
            )
        refuse_cluster_options("ray", batch=options.batch)
        refuse_device_groups("ray", options)
        self.store, self.options = store, options
        _connect(options.address)

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Run every stage that is not done; see `run_loop.run_plan`.

        Raises:
            ConfigError: no node has the memory that a stage needs, or other versions are there.
            StoreError: a node does not see the store.
        """
        needed = max((self.options.memory.get(stage.key, 0) for stage in plan.stages), default=0)
        pool = RayPool(self.store.root, self.options.workers, needed)
        return run_plan(self.store, plan, pool, self.options, on_event)


def _connect(address: str) -> None:
    """Connect to a cluster, or start one; signals stay handled as before."""
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the package ray is missing", where="--executor", todo="pip install 'xstilts[ray]'"
        ) from error
    if ray.is_initialized():
        return
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        _check_answers(host, int(port))
    handlers = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
    try:
        if address:
            ray.init(address, **quiet)
        else:
            ray.init(include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"no Ray cluster answers at {address or 'this machine'}: {error}",
            where="--address",
            todo="start one with `ray start --head`; its token must be in RAY_AUTH_TOKEN here",
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for name, handler in handlers.items():
                signal.signal(name, handler)


def _check_answers(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise ConfigError(
            f"nothing answers at {host}:{port} ({error})",
            where="--address",
            todo="give the address that `ray start --head` printed",
        ) from error


@dataclass(frozen=True)
class Share:
    """What a worker gets of a node."""

    cpus: int
    gpus: int


@dataclass(eq=False)
class RayWorker:
    """An actor and what it was given.

    Args:
        actor: handle; pending: the answer to the last request for messages.
    """

    actor: Any
    host: str = ""
    stage: Stage | None = None
    affinity: str = ""
    pending: Any = field(default=None, repr=False)
    problem: str = ""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message to the worker process; if it is gone, `read` reports it."""
        self.actor.send.remote(json.dumps(message))

    def read(self) -> list[dict[str, Any]] | None:
        """The messages that have arrived; None once the process or its node is gone."""
        import ray

        try:
            lines, problem = ray.get(self.pending)
        except ray.exceptions.RayError as error:
            self.problem = f"its node or actor was lost ({type(error).__name__})"
            return None
        if problem:
            self.problem = problem
            return None
        self.pending = self.actor.read.remote()
        return [json.loads(line) for line in lines]


class RayPool:
    """Actors on the nodes of a cluster, started when they are needed and there is room.

    Args:
        root: the store's folder.
        limit: number of workers at most.
        memory: bytes that each worker declares.

    Raises:
        ConfigError: no node has this memory.
    """

    def __init__(self, root: Path, limit: int | None, memory: int) -> None:
        self.root, self.memory = root, memory
        self.share, self.limit = _share(limit, memory)
        self.workers: list[RayWorker] = []

    @property
    def is_full(self) -> bool:
        """Whether there are enough workers, or no room for another one now."""
        import ray

        free = ray.available_resources()
        has_room = (
            free.get("CPU", 0) >= self.share.cpus
            and free.get("GPU", 0) >= self.share.gpus
            and free.get("memory", 0) >= self.memory
        )
        return len(self.workers) >= self.limit or not has_room

    def start(self) -> RayWorker:
        """Start a worker, and check its node.

        Raises:
            ConfigError: other versions are installed there.
            StoreError: the node does not see the store.
        """
        import ray

        actor = (
            ray.remote(WorkerActor)
            .options(
                num_cpus=self.share.cpus,
                num_gpus=self.share.gpus,
                memory=self.memory or None,
                max_concurrency=2,
            )
            .remote()
        )
        worker = RayWorker(actor)
        self.workers.append(worker)
        probe = f".probe.{uuid.uuid4().int % 10**18}"
        path = self.root / "staging" / probe
        path.touch()
        try:
            answer = actor.begin.remote(str(self.root), probe, self.share.cpus)
            facts = json.loads(ray.get(answer, timeout=CHECK_SECONDS))
        except ray.exceptions.RayError as error:
            raise ConfigError(
                f"a node cannot start a worker: {error}",
                where="--executor ray",
                todo="install the same xstilts and Python on every node; `ray status` shows nodes",
            ) from error
        finally:
            path.unlink(missing_ok=True)
        _check_node(facts, self.root)
        worker.host, worker.pending = facts["host"], actor.read.remote()
        return worker

    def share_cores(self) -> None:
        """Nothing: each worker has the cores that Ray gave it."""

    def readable(self, timeout: float) -> Iterator[RayWorker]:
        """Workers that have answered or are gone, after at most `timeout` seconds."""
        import ray

        waiting = {worker.pending: worker for worker in self.workers if worker.pending}
        if not waiting:
            time.sleep(timeout)
            return
        answered, _ = ray.wait(list(waiting), num_returns=1, timeout=timeout)
        yield from (waiting[reference] for reference in answered)

    def remove(self, worker: RayWorker) -> None:
        """End an actor, and with it its worker process."""
        import ray

        self.workers.remove(worker)
        with suppress(ray.exceptions.RayError):
            ray.kill(worker.actor)

    def cause_of_death(self, worker: RayWorker) -> str:
        """Why a worker is gone, in words."""
        where = f" on {worker.host}" if worker.host else ""
        return f"{worker.problem or 'it is gone'}{where}"

    def close(self) -> None:
        """End all workers; the cluster stays, if it was there before."""
        for worker in list(self.workers):
            self.remove(worker)


def _share(limit: int | None, memory: int) -> tuple[Share, int]:
    """What each worker gets, and how many workers there are."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    largest = max((node.get("memory", 0) for node in nodes), default=0)
    if memory > largest:
        raise ConfigError(
            f"a stage needs about {memory / 1e9:.1f} GB, and no node has more than "
            f"{largest / 1e9:.1f} GB for Ray",
            where="--executor ray",
            todo="add a larger node, or lower max_length or use gradient_checkpointing",
        )
    gpus = int(sum(node.get("GPU", 0) for node in nodes))
    cpus = int(sum(node.get("CPU", 0) for node in nodes))
    if gpus:
        with_gpus = [node for node in nodes if node.get("GPU", 0)]
        cores = min(int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus)
        return Share(max(1, cores), 1), min(limit or gpus, gpus)
    workers = limit or max(1, cpus)
    per_node = max(1, -(-workers // max(1, len(nodes))))
    return Share(max(1, min(int(node.get("CPU", 1)) for node in nodes) // per_node), 0), workers


def _check_node(facts: dict[str, Any], root: Path) -> None:
    here = versions()
    if other := [name for name in here if facts["versions"].get(name) != here[name]]:
        theirs, name = facts["versions"].get(other[0], "no version"), other[0]
        raise ConfigError(
            f"{facts['host']} has {theirs} of {name}, and this machine {here[name]}",
            where="--executor ray",
            todo="install the same versions on every node: results depend on them",
        )
    if not facts["shared"]:
        raise StoreError(
            f"the node {facts['host']} does not see the store {root}",
            todo="give a folder that all nodes share, under one path, with --store",
        )


class WorkerActor:
    """Runs on a node: a worker process, and its messages as lines of JSON."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._selector = selectors.DefaultSelector()
        self._unread = b""

    def begin(self, root: str, probe: str, cores: int) -> str:
        """Check the node, and start the worker process if the store is there; facts as JSON."""
        shared = (Path(root) / "staging" / probe).exists()
        if shared:
            with (Path(root) / "worker.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "xstilts.executors.worker", root],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | {"XSTILTS_CORES": str(cores)},
                )
            assert self._process.stdout
            self._selector.register(self._process.stdout, selectors.EVENT_READ)
            self.send(json.dumps({"cores": cores}))
        facts = {"versions": versions(), "host": socket.gethostname(), "shared": shared}
        return json.dumps(facts)

    def gpus(self) -> list[str]:
        """The GPUs of its node that Ray has given it, as numbers."""
        import ray

        return [str(number) for number in ray.get_gpu_ids()]

    def send(self, line: str) -> None:
        """Send one line to the process; if it has ended, `read` reports it."""
        assert self._process
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def read(self) -> tuple[list[str], str]:
        """Complete lines that have arrived within a second, and how the process ended, if so."""
        assert self._process
        assert self._process.stdout
        if not self._selector.select(READ_SECONDS):
            return [], ""
        data = os.read(self._process.stdout.fileno(), READ_BYTES)
        if not data:
            code = self._process.wait()
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return [], f"its process ended with {how} (see worker.log in the store)"
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [line.decode() for line in lines], ""
