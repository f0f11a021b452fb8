"""A whole experiment on local files opens no connection to another machine (R19)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.executors.base import RunResult

GUARD = """
import os, sys

def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        address = str(arguments)
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        address = str(arguments[1])
    else:
        return
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write(f"{event} {address}\\n")
    raise OSError("the network is not available")

sys.addaudithook(refuse)
"""


def test_a_run_and_its_outputs_open_no_connection(
    small: LoadedExperiment,
    run_in_process: Callable[..., RunResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts: list[Any] = []

    def refuse(*address: Any, **_: Any) -> NoReturn:
        attempts.append(address)
        raise OSError("the network is not available")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("socket.socket.connect", "socket.socket.connect_ex", "socket.getaddrinfo"):
        monkeypatch.setattr(name, refuse)
    assert run_in_process(small, tmp_path / "store").exit_code == 0
    xstilts.report(small, tmp_path / "report.html", tmp_path / "store")
    assert len(xstilts.results(small, tmp_path / "store"))
    assert not attempts


@pytest.mark.faults
def test_no_process_of_a_run_opens_a_connection(toy_file: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    attempts = tmp_path / "attempts"
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environ |= {"PYTHONPATH": os.pathsep.join(paths), "ATTEMPTS": str(attempts)}
    store, report = tmp_path / "store", tmp_path / "report.html"
    commands = (
        ["run", str(toy_file), "--store", str(store)],
        ["results", str(toy_file), "--store", str(store)],
        ["report", str(toy_file), "--store", str(store), "--out", str(report)],
        ["claims", str(store)],
        ["store", "verify", "--store", str(store)],
    )
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "xstilts", *command], env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert report.is_file()
    assert any(Store(store).keys())
    assert not attempts.exists(), attempts.read_text(encoding="utf-8")
    probe = "import socket; socket.create_connection(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", probe], env=environ, capture_output=True)
    assert attempts.exists()  # the guard works
