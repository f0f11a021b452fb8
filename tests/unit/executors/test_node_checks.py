"""What nodes must have, and which addresses of Ray are tried at all."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import ConfigError, StoreError
from xstilts.executors import node_checks, ray_connection
from xstilts.executors.node_checks import (
    NodeFacts,
    check_node,
    check_versions,
    gpu_shortage,
    node_facts,
    write_probe,
)
from xstilts.executors.ray_connection import connect


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "staging").mkdir()
    return tmp_path


def test_a_node_that_sees_the_probe_passes(root: Path) -> None:
    check_node(node_facts(write_probe(root)), root, "--executor ray")


def test_a_node_whose_folder_is_another_one_is_refused(root: Path) -> None:
    probe = write_probe(root)
    probe.unlink()
    with pytest.raises(StoreError, match=socket.gethostname()):
        check_node(node_facts(probe), root, "--executor ray")


def test_facts_of_a_node_are_what_it_has_sent(root: Path) -> None:
    facts = node_facts(write_probe(root), "n1")
    assert NodeFacts.from_text(json.dumps(facts.to_json())) == facts


@pytest.mark.parametrize(
    "changed", [{"more": 1}, {"node": None}, {"versions": None}, {"versions": {"torch": 2}}]
)
def test_facts_of_another_version_are_no_error_of_the_run(
    root: Path, changed: dict[str, Any]
) -> None:
    text = json.dumps(node_facts(write_probe(root), "n1").to_json() | changed)
    with pytest.raises(ConfigError, match="version of xstilts"):
        NodeFacts.from_text(text)


@pytest.mark.parametrize("name", node_checks.MUST_EQUAL)
def test_other_versions_that_numbers_depend_on_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"b has 0\.1 of {name}"):
        check_versions("b", {**node_checks.versions(), name: "0.1"}, "--executor ray")


def test_other_versions_of_further_packages_are_named(caplog: pytest.LogCaptureFixture) -> None:
    check_versions("b", {**node_checks.versions(), "emoji": "0.1"}, "--executor ray")
    assert "b has 0.1 of emoji" in caplog.text


@pytest.mark.parametrize(("size", "fits"), [(None, True), (8_000, True), (7_999, False)])
def test_a_gpu_of_unknown_size_is_not_refused(size: int | None, fits: bool) -> None:
    assert (gpu_shortage(8_000, size) == "") == fits


@pytest.mark.parametrize(
    "address", ["ray://127.0.0.1:1", "head", "http://head:8265", "local", ":1"]
)
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        connect(address)


def test_a_program_that_does_not_speak_ray_s_protocol_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_connection, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{port}, but another program"):
            connect(f"127.0.0.1:{port}")
