"""A worker process on a node of a cluster, whose messages travel as lines of JSON."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from xstilts.core.cpu import LIMIT
from xstilts.executors.node_checks import node_facts
from xstilts.executors.pool import worker_command

READ_SECONDS = 1.0
"""Seconds to wait for output of the process before `read` answers."""
READ_BYTES = 1 << 16


class NodeProcess:
    """Runs on a node: checks it, and starts and reaches the worker process there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._selector = selectors.DefaultSelector()
        self._unread = b""

    def begin(
        self,
        root: str,
        probe: str,
        cores: int,
        devices_per_stage: int = 1,
        variables: Mapping[str, str] = MappingProxyType({}),
        node: str = "",
    ) -> str:
        """Check the node, and start the worker process if the store is there; facts as JSON.

        Args:
            probe: name of a file in the store's folder `staging`.
            variables: of the driver's environment, for the worker process.
            node: identity of the node; see `node_checks.NodeFacts`.
        """
        facts = node_facts(Path(root) / "staging" / probe, node)
        if facts.sees_store:
            self._start(Path(root), cores, devices_per_stage, variables)
        return json.dumps(facts.to_json())

    def _start(
        self, root: Path, cores: int, devices_per_stage: int, variables: Mapping[str, str]
    ) -> None:
        with (root / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                worker_command(root, devices_per_stage),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **variables, LIMIT: str(cores)},
            )
        assert self._process.stdout
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self.send(json.dumps({"cores": cores}))

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
