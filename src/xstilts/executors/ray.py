"""The Ray executor: workers on the nodes of a Ray cluster that see the store's folder.

Each worker is an actor with declared CPUs, GPUs and memory, which Ray places and ends; it starts
the same worker process as the local executor does, and passes JSON lines on. The store is the only
state: a driver that is started again finds what is finished. Ray's types stay in this file.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xstilts.core.devices import PER_STAGE
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.core.plan import Plan
from xstilts.core.process_rank import TIMEOUT
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import (
    ExecutorOptions,
    RunResult,
    refuse_cluster_options,
)
from xstilts.executors.events import Listener
from xstilts.executors.node_checks import NodeFacts, check_node, gpu_shortage, write_probe
from xstilts.executors.node_process import NodeProcess
from xstilts.executors.node_refusals import REPORT_SECONDS, NodeRefusals
from xstilts.executors.ray_connection import connect
from xstilts.executors.run_loop import run_plan

logger = logging.getLogger(__name__)
OPTION = "--executor ray"
START_SECONDS = 20.0
"""Seconds after which a worker that has not started counts as waiting for a free node."""

FORWARDED = (TIMEOUT,)
"""Variables that worker processes get from the driver."""

MAX_FAILED_STARTS = 10
"""Workers that may fail to start on unknown nodes, before the run ends."""


class RayExecutor:
    """Runs stages on a Ray cluster; without an address, on one that it starts on this machine.

    By default there are as many workers as the cluster's free resources allow, also when nodes
    join later: one per GPU, or per CPU where it has no GPU.

    Raises:
        ConfigError: Ray is not installed, or the address does not answer.
    """

    def __init__(self, store: Store, options: ExecutorOptions) -> None:
        if options.devices != "auto":
            raise ConfigError(
                "Ray assigns the GPUs of a cluster", where="--devices", todo="leave it out"
            )
        refuse_cluster_options("ray", batch=options.batch)
        self.store, self.options = store, options
        connect(options.address)

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        """Run every stage that is not done; see `run_loop.run_plan`.

        Raises:
            ConfigError: no node has the memory that a stage needs, or other versions are there.
            StoreError: a node does not see the store.
        """
        memory = max((self.options.memory.get(stage.key, 0) for stage in plan.stages), default=0)
        pool = RayPool(
            *(self.store.root, self.options.workers, memory, self.options.least_gpu_memory),
            self.options.devices_per_stage,
        )
        return run_plan(self.store, plan, pool, self.options, on_event)


@dataclass(frozen=True)
class Share:
    """What a worker gets of a node.

    Args:
        memory: bytes; 0 leaves it undeclared.
    """

    cpus: int
    gpus: int
    memory: int = 0


@dataclass(eq=False)
class RayWorker:
    """An actor and what it was given.

    Args:
        actor: its handle.
        probe: the file by which its node recognises the store.
        started: when it was requested, in seconds of `time.monotonic`.
        pending: the answer to the last request for messages, or for facts of its node.
        facts: of its node, once it has started.
        is_machine_lost: whether it is gone for another reason than its process or its memory.
    """

    actor: Any
    probe: Path
    started: float
    pending: Any = field(repr=False)
    facts: NodeFacts | None = None
    stage: Stage | None = None
    affinity: str = ""
    problem: str = ""
    is_machine_lost: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether its process has started."""
        return self.facts is not None

    @property
    def host(self) -> str:
        """The name of its node, which no other one has: several may have one host name."""
        return f"{self.facts.host} (node {self.facts.node[:8]})" if self.facts else ""

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
            self.is_machine_lost = not isinstance(error, ray.exceptions.OutOfMemoryError)
            return None
        if problem:
            self.problem = problem
            return None
        self.pending = self.actor.read.remote()
        return [json.loads(line) for line in lines]


class RayPool:
    """Actors on the nodes of a cluster, started when they are needed and resources are free.

    Args:
        root: the store's folder.
        limit: number of workers at most; None for as many as the free resources allow.
        memory: bytes that each worker on a CPU declares.
        least_gpu_memory: key → bytes without which a GPU cannot run a stage.
        devices_per_stage: GPUs of each worker, or processes on a CPU.

    Raises:
        ConfigError: no node has this memory, or so many GPUs.
    """

    def __init__(
        self,
        root: Path,
        limit: int | None,
        memory: int,
        least_gpu_memory: Mapping[str, int] = MappingProxyType({}),
        devices_per_stage: int = 1,
    ) -> None:
        self.root, self.limit, self.memory = root, limit, memory
        self.least_gpu_memory, self.devices_per_stage = least_gpu_memory, devices_per_stage
        self.workers: list[RayWorker] = []
        self._refusals = NodeRefusals()
        self._has_started, self._failed_starts = False, 0
        _share(limit, memory, devices_per_stage)

    @property
    def is_full(self) -> bool:
        """Whether there are enough workers, or one has been waiting for a free node."""
        if self.limit and len(self.workers) >= self.limit:
            return True
        since = time.monotonic() - START_SECONDS
        return any(not worker.is_ready and worker.started < since for worker in self.workers)

    def start(self) -> RayWorker:
        """Request a worker; Ray places it on a node with free resources that was not refused."""
        import ray

        share = _share(self.limit, self.memory, self.devices_per_stage)
        probe = write_probe(self.root)
        refused = ",".join(self._refusals.problems)
        actor = (
            ray.remote(WorkerActor)
            .options(
                num_cpus=share.cpus,
                num_gpus=share.gpus,
                memory=share.memory or None,
                max_concurrency=2,
                label_selector={"ray.io/node-id": f"!in({refused})"} if refused else None,
            )
            .remote()
        )
        pending = actor.begin_on_node.remote(
            *(str(self.root), probe.name, share.cpus, self.devices_per_stage),
            {name: os.environ[name] for name in FORWARDED if name in os.environ},
        )
        worker = RayWorker(actor, probe, time.monotonic(), pending)
        self.workers.append(worker)
        return worker

    def shortage(self, worker: RayWorker, stage: Stage) -> str:
        """Which memory the GPUs of the worker's node lack for a stage; empty if none."""
        needed = self.least_gpu_memory.get(stage.key, 0)
        return gpu_shortage(needed, worker.facts.gpu_memory if worker.facts else None)

    def share_cores(self) -> None:
        """Nothing: each worker has the cores that Ray gave it."""

    def readable(self, timeout: float) -> Iterator[RayWorker]:
        """Workers that have answered or are gone, after at most `timeout` seconds.

        Raises:
            ConfigError: the first node cannot start a worker, or has other versions; or all nodes
                were refused.
            StoreError: the first node does not see the store.
        """
        import ray

        self._check_waiting()
        waiting = {worker.pending: worker for worker in self.workers}
        if not waiting:
            time.sleep(timeout)
            return
        ray.wait(list(waiting), num_returns=1, timeout=timeout)
        answered, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        for reference in answered:
            worker = waiting[reference]
            if worker.is_ready:
                yield worker
            else:
                self._finish_start(worker)

    def _check_waiting(self) -> None:
        """Report that all workers have been waiting for a node; see `NodeRefusals.check`."""
        import ray

        if not self.workers or any(worker.is_ready for worker in self.workers):
            self._refusals.check(0.0, ())
            return
        seconds = time.monotonic() - min(worker.started for worker in self.workers)
        if seconds > REPORT_SECONDS:
            self._refusals.check(seconds, [n["NodeID"] for n in ray.nodes() if _runs_workers(n)])

    def _finish_start(self, worker: RayWorker) -> None:
        """Check the node of a worker that has started; one that joined later may be refused."""
        import ray

        facts = None
        try:
            facts = NodeFacts.from_text(ray.get(worker.pending))
            check_node(facts, self.root, OPTION)
        except (XstiltsError, ray.exceptions.RayError) as error:
            self.remove(worker)
            if not self._has_started and isinstance(error, XstiltsError):
                raise
            self._refuse_node(facts, error)
        else:
            worker.probe.unlink(missing_ok=True)
            worker.facts, worker.pending = facts, worker.actor.read.remote()
            self._has_started = True

    def _refuse_node(self, facts: NodeFacts | None, error: Exception) -> None:
        """Start no worker on a node any more; one that names no node of the cluster is unknown.

        Raises:
            ConfigError: no node has started a worker so far, or several unknown ones failed to.
        """
        import ray

        if facts and any(node["NodeID"] == facts.node for node in ray.nodes()):
            self._refusals.add(facts.node, f"{facts.host}: {error}")
            return
        self._failed_starts += 1
        lines = str(error).strip().splitlines() or [type(error).__name__]
        what = error.what if isinstance(error, XstiltsError) else lines[-1]
        text = f"a node cannot start a worker: {what}"
        if self._failed_starts < MAX_FAILED_STARTS and self._has_started:
            logger.warning(text)
            return
        raise ConfigError(
            text,
            where=OPTION,
            todo="install the same xstilts and Python on every node; `ray status` shows nodes",
        ) from error

    def remove(self, worker: RayWorker) -> None:
        """End an actor, and with it its worker process."""
        import ray

        self.workers.remove(worker)
        worker.probe.unlink(missing_ok=True)
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


def _runs_workers(node: Mapping[str, Any]) -> bool:
    """Whether a node is there, and has a CPU or a GPU."""
    resources = node["Resources"]
    return bool(node["Alive"]) and max(resources.get("CPU", 0), resources.get("GPU", 0)) >= 1


def _share(limit: int | None, memory: int, devices_per_stage: int) -> Share:
    """What each worker gets of the cluster as it is now.

    Raises:
        ConfigError: no node has the memory of a worker on a CPU, or its devices.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if with_gpus := [node for node in nodes if node.get("GPU", 0) >= 1]:
        _check_largest("GPU", max(int(node["GPU"]) for node in with_gpus), devices_per_stage)
        cores = min(int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus)
        return Share(max(1, cores * devices_per_stage), devices_per_stage)
    largest = max((node.get("memory", 0) for node in nodes), default=0)
    if memory > largest:
        raise ConfigError(
            f"a stage needs about {memory / 1e9:.1f} GB, and no node has more than "
            f"{largest / 1e9:.1f} GB for Ray",
            where=OPTION,
            todo="add a larger node, or lower max_length or use gradient_checkpointing",
        )
    cores_of_nodes = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
    _check_largest("CPU", max(cores_of_nodes, default=devices_per_stage), devices_per_stage)
    if limit is None or not cores_of_nodes:
        return Share(devices_per_stage, 0, memory)
    per_node = -(-limit // len(cores_of_nodes))
    return Share(max(devices_per_stage, min(cores_of_nodes) // per_node), 0, memory)


def _check_largest(kind: str, largest: int, devices_per_stage: int) -> None:
    if devices_per_stage > largest:
        raise ConfigError(
            f"no node has {devices_per_stage} {kind}s: the largest has {largest}",
            where=PER_STAGE,
            todo="a training is divided over devices of one node; give a smaller number",
        )


class WorkerActor(NodeProcess):
    """Runs on a node as an actor."""

    def begin_on_node(
        self, root: str, probe: str, cores: int, devices_per_stage: int, variables: dict[str, str]
    ) -> str:
        """As `begin`, with the identity of its node."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        return self.begin(root, probe, cores, devices_per_stage, variables, node)

    def gpus(self) -> list[str]:
        """The GPUs of its node that Ray has given it, as numbers."""
        import ray

        return [str(number) for number in ray.get_gpu_ids()]
