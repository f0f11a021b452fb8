"""The worker processes of an executor that runs on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

SERVER = b"xstilts.executors.worker_server"
WORKER = b"xstilts.executors.worker"


def workers_of(driver: int) -> list[int]:
    """Process ids of the workers that a process, or its server of workers, has started."""
    children = children_of(driver)
    servers = [child for child in children if SERVER in command_of(child)]
    own = [child for child in children if WORKER in command_of(child).split(b"\0")]
    return [*own, *(worker for server in servers for worker in children_of(server))]


def children_of(process: int) -> list[int]:
    """Ids of the processes that a process has started and that have not been waited for."""
    listed = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True)
    return [int(child) for child in listed.stdout.split()]


def command_of(process: int) -> bytes:
    """A process's command line, with a null byte after each argument; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
