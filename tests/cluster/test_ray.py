"""Runs on a real Ray cluster of several nodes on this machine (`make test-cluster`)."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.core.journal import Journal
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import Event
from xstilts.testing.equal_artifacts import check_equal_artifacts
from xstilts.testing.waiting import wait_until

pytestmark = pytest.mark.cluster
ray = pytest.importorskip("ray")
OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip
SECONDS = 300.0


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without CPUs and two nodes with one CPU each."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes.add_node(num_cpus=1)
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def finished_keys(store: Path) -> list[str]:
    """Keys in the order in which the journal says that they were made."""
    return [
        event["key"]
        for event in Journal(store / "journal.jsonl").read()
        if event["event"] == "done"
    ]


def test_a_cluster_gives_the_bytes_of_the_local_executor(
    cluster: Any, toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    loaded, store = xstilts.load(str(toy_file), OVERRIDES), tmp_path / "store"
    result = xstilts.run(loaded, store, executor="ray", address=cluster.address)
    assert (result.exit_code, result.failed) == (0, {})
    check_equal_artifacts(Store(store), Store(finished))
    again = xstilts.run(loaded, store, executor="ray", address=cluster.address)
    assert again.done == []


def test_a_node_that_is_lost_costs_its_stages_one_attempt(
    cluster: Any, toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    loaded, store = xstilts.load(str(toy_file), OVERRIDES), tmp_path / "store"
    extra = cluster.add_node(num_cpus=1)
    notes: list[str] = []

    def listen(event: Event) -> None:
        nonlocal extra
        if event.kind == "progress" and extra is not None:
            cluster.remove_node(extra)
            extra = None
        if event.kind == "note":
            notes.append(event.facts["problem"])

    result = xstilts.run(loaded, store, executor="ray", address=cluster.address, on_event=listen)
    assert (result.exit_code, result.failed) == (0, {})
    assert extra is None
    check_equal_artifacts(Store(store), Store(finished))
    made = finished_keys(store)
    assert len(made) == len(set(made))


def test_a_killed_driver_is_started_again_and_repeats_nothing_finished(
    cluster: Any, toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    sets = [part for override in OVERRIDES for part in ("--set", override)]
    run = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(store), *sets]
    command = [*run, "--executor", "ray", "--address", cluster.address]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: len(finished_keys(store)) > 4 or process.poll() is not None, SECONDS)
        assert process.poll() is None, process.stderr and process.stderr.read()
        process.send_signal(signal.SIGKILL)
    subprocess.run(command, check=True, capture_output=True)
    check_equal_artifacts(Store(store), Store(finished))
    made = finished_keys(store)
    assert len(made) == len(set(made))


def start(pool: Any, count: int) -> None:
    """Wait until so many workers have started."""

    def enough() -> bool:
        list(pool.readable(0.5))
        return sum(worker.is_ready for worker in pool.workers) >= count

    wait_until(enough, SECONDS)


@pytest.mark.parametrize(
    ("per_stage", "expected"),
    [(1, [["0"], ["0"], ["1"], ["1"]]), (2, [["0", "1"], ["0", "1"]])],
)
def test_gpus_of_the_cluster_are_never_used_twice(
    tmp_path: Path, per_stage: int, expected: list[list[str]]
) -> None:
    """Two nodes with two declared GPUs each; every worker sees its own ones alone."""
    from ray.cluster_utils import Cluster

    from xstilts.executors.ray import RayExecutor, RayPool

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        nodes.add_node(num_cpus=2, num_gpus=2)
    nodes.wait_for_nodes()
    try:
        store = Store(tmp_path / "store").prepare()
        RayExecutor(store, ExecutorOptions(address=nodes.address))
        with pytest.raises(ConfigError, match="no node has 3 GPUs"):
            RayPool(store.root, None, 0, devices_per_stage=3)
        pool = RayPool(store.root, None, 0, devices_per_stage=per_stage)
        workers = [pool.start() for _ in range(len(expected) + 1)]
        start(pool, len(expected))
        time.sleep(2)
        list(pool.readable(2.0))
        ready = [worker for worker in workers if worker.is_ready]
        assert len(ready) == len(expected)  # the last one waits for a GPU
        seen = [ray.get(worker.actor.gpus.remote()) for worker in ready]
        assert sorted(map(sorted, seen)) == expected
        pool.close()
    finally:
        ray.shutdown()
        nodes.shutdown()


def test_a_pool_grows_with_its_cluster(cluster: Any, tmp_path: Path) -> None:
    from xstilts.executors.ray import RayExecutor, RayPool

    store = Store(tmp_path / "store").prepare()
    RayExecutor(store, ExecutorOptions(address=cluster.address))
    pool = RayPool(store.root, None, 0)
    workers = [pool.start() for _ in range(3)]
    start(pool, 2)
    assert sum(worker.is_ready for worker in workers) == 2
    cluster.add_node(num_cpus=1)
    start(pool, 3)
    pool.close()
