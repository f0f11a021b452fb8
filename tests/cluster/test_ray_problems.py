"""Clusters of Ray that cannot run an experiment: each is refused in words, within seconds."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.store import Store
from xstilts.executors import node_checks, node_refusals, ray_connection
from xstilts.executors import ray as ray_executor
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.ray import RayExecutor, RayPool
from xstilts.executors.ray_connection import connect
from xstilts.testing.waiting import wait_until

pytestmark = pytest.mark.cluster
ray = pytest.importorskip("ray")
OVERRIDES = ["name=small", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """A cluster of two nodes, and a connection to it."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def connect_elsewhere(address: str, **environment: str) -> tuple[int, str, float]:
    """Connect from a process of its own: exit code, message and seconds."""
    code = (
        "import sys, time\n"
        "from xstilts.executors.ray_connection import connect\n"
        "from xstilts.core.errors import ConfigError\n"
        "start = time.monotonic()\n"
        "try: connect(sys.argv[1])\n"
        "except ConfigError as error: print(error); code = 2\n"
        "else: code = 0\n"
        "print(time.monotonic() - start); sys.stdout.flush(); import os; os._exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, address],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip
    *text, seconds = done.stdout.strip().splitlines()
    return done.returncode, "\n".join(text), float(seconds)


def test_an_address_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1"):
        RayExecutor(Store(tmp_path), ExecutorOptions(address="127.0.0.1:1"))


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "head", "http://head:8265", "local"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        connect(address)


def test_a_port_of_another_program_is_refused() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, text, seconds = connect_elsewhere(f"127.0.0.1:{server.server_port}")
        server.shutdown()
    assert (code, "no Ray cluster answers" in text) == (2, True), text
    assert seconds < 60


def test_a_port_that_accepts_and_is_silent_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, text, _ = connect_elsewhere(f"127.0.0.1:{silent.getsockname()[1]}")
    assert (code, "no Ray cluster answers" in text) == (2, True), text


def test_a_cluster_that_never_accepts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "INIT_SECONDS", 0.1)
    release = threading.Event()
    with pytest.raises(ConfigError, match="10.0.0.1:6379"):
        ray_connection._within_limit("10.0.0.1:6379", release.wait)
    release.set()


def test_clusters_that_are_started_here_listen_at_loopback_and_require_their_token() -> None:
    code = (
        "from xstilts.executors.ray_connection import connect\n"
        "import os, sys\n"
        "connect('')\n"
        "import ray\n"
        "print(ray.get_runtime_context().gcs_address, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        address = process.stdout.readline().strip()
        host = address.rpartition(":")[0]
        refused = connect_elsewhere(address, RAY_AUTH_TOKEN="0" * 64)
        accepted = connect_elsewhere(address, RAY_AUTH_MODE="token")
        process.communicate("")
    assert host == "127.0.0.1"
    assert accepted[0] == 0, accepted  # although Ray replaces loopback by the network's address
    assert (refused[0], "refuses the token" in refused[1]) == (2, True), refused


def test_a_cluster_without_tokens_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE"):
        connect("")


def test_a_store_that_a_node_does_not_see_is_named(
    running: Any, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe is never written, as if the folder were another one there."""
    monkeypatch.setattr(node_checks.Path, "touch", lambda path: None)
    loaded = xstilts.load(str(toy_file), OVERRIDES)
    with pytest.raises(StoreError, match="does not see the store"):
        xstilts.run(loaded, tmp_path / "store", executor="ray", address=running.address)


def test_a_node_with_another_torch_is_named(
    running: Any, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {**node_checks.versions(), "torch": "0.1"}
    monkeypatch.setattr(node_checks, "versions", lambda: here)
    loaded = xstilts.load(str(toy_file), OVERRIDES)
    with pytest.raises(ConfigError, match=r"of torch, and this machine 0\.1"):
        xstilts.run(loaded, tmp_path / "store", executor="ray", address=running.address)


def test_a_run_all_of_whose_nodes_are_refused_after_its_start_ends(
    running: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store").prepare()
    RayExecutor(store, ExecutorOptions(address=running.address))
    pool = RayPool(store.root, None, 0)
    worker = pool.start()
    wait_until(lambda: list(pool.readable(0.5)) == [] and worker.is_ready, 60.0)
    pool.remove(worker)

    def refuse(*_: object) -> None:
        raise ConfigError("another torch")

    monkeypatch.setattr(ray_executor, "check_node", refuse)
    monkeypatch.setattr(ray_executor, "REPORT_SECONDS", 1.0)
    monkeypatch.setattr(node_refusals, "LIMIT_SECONDS", 2.0)

    def wait() -> bool:
        if not pool.workers:
            pool.start()
        list(pool.readable(0.5))
        return False

    with pytest.raises(ConfigError, match="another torch.*another torch"):
        wait_until(wait, 60.0)
    pool.close()


def test_memory_that_no_node_has_is_named(running: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    RayExecutor(store, ExecutorOptions(address=running.address))
    with pytest.raises(ConfigError, match=r"no node has more than .* GB"):
        RayPool(store.root, None, 10**15)
    assert os.listdir(store.root / "staging") == []


def test_files_that_no_node_has_are_named_with_the_nodes(
    running: Any, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every node is asked; what the driver sees is not what they see."""
    missing = str(tmp_path / "not-on-the-nodes")
    to_json = ray_executor.Stage.to_json

    def elsewhere(stage: Any) -> dict[str, Any]:
        message = to_json(stage)
        if "folder" in stage.context:
            message["context"] |= {"folder": missing}
        return message

    monkeypatch.setattr(ray_executor.Stage, "to_json", elsewhere)
    loaded = xstilts.load(str(toy_file), OVERRIDES)
    result = xstilts.run(loaded, tmp_path / "store", executor="ray", address=running.address)
    assert result.exit_code == 3
    assert any(
        missing in problem and socket.gethostname() in problem for problem in result.failed.values()
    ), result.failed
