"""Which nodes a pool of Ray refuses on their own word, without a Ray."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from xstilts.core.errors import ConfigError
from xstilts.executors.node_checks import NodeFacts
from xstilts.executors.ray import MAX_FAILED_STARTS, RayPool, RayWorker


class RayError(Exception):
    """As Ray's."""


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RayPool:
    """A pool on the nodes a1 and a2, of which a worker has started."""
    nodes = [{"NodeID": name, "Alive": True, "Resources": {"CPU": 1}} for name in ("a1", "a2")]
    exceptions = SimpleNamespace(RayError=RayError, OutOfMemoryError=type("Other", (RayError,), {}))
    fake = SimpleNamespace(
        nodes=lambda: nodes, get=lambda text: text, kill=lambda _: None, exceptions=exceptions
    )
    monkeypatch.setitem(sys.modules, "ray", fake)
    made = RayPool(tmp_path, None, 0)
    made._has_started = True
    return made


def finish_start(pool: RayPool, text: str) -> None:
    """A worker starts whose node sends a text."""
    worker = RayWorker(None, pool.root / "probe", 0.0, text)
    pool.workers.append(worker)
    pool._finish_start(worker)


def facts(node: str) -> str:
    return json.dumps(NodeFacts("host", node, {"torch": "0.1"}, True).to_json())


def test_a_node_of_the_cluster_is_refused(pool: RayPool) -> None:
    finish_start(pool, facts("a1"))
    assert pool._refusals.problems.keys() == {"a1"}


@pytest.mark.parametrize("text", [facts("a3"), facts("a1),in(a2"), facts(""), '{"host": 1}', "{"])
def test_a_message_that_names_no_node_refuses_none(pool: RayPool, text: str) -> None:
    for _ in range(MAX_FAILED_STARTS - 1):
        finish_start(pool, text)
    assert pool._refusals.problems == {}
    with pytest.raises(ConfigError, match="a node cannot start a worker: .*version"):
        finish_start(pool, text)


def test_a_start_that_fails_without_a_message_is_named_by_its_error(
    pool: RayPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> str:
        raise RayError

    monkeypatch.setattr(sys.modules["ray"], "get", fail)
    for _ in range(MAX_FAILED_STARTS - 1):
        finish_start(pool, "")
    with pytest.raises(ConfigError, match="a node cannot start a worker: RayError"):
        finish_start(pool, "")


def test_nodes_with_one_host_name_are_two_hosts() -> None:
    hosts = set()
    for node in ("a1", "a2"):
        found = NodeFacts("localhost", node, {}, True)
        hosts.add(RayWorker(None, Path(), 0.0, None, facts=found).host)
    assert len(hosts) == 2
    assert all("localhost" in host for host in hosts)
