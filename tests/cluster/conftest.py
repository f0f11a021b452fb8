"""A Slurm on this machine: two nodes with one CPU, and one with two."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from xstilts.testing.waiting import wait_until

SECONDS = 60.0
NODES = ("node1", "node2", "node3")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A controller and its nodes; the folder with their files."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir()
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    text = Path(__file__).with_name("slurm.conf").read_text()
    conf = folder / "slurm.conf"
    conf.write_text(text.replace("HOST", socket.gethostname()).replace("FOLDER", str(folder)))
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(conf)
    subprocess.run(
        [
            "munged", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log",
            f"--seed-file={folder}/seed",
        ],
        check=True,
    )  # fmt: skip
    subprocess.run(["slurmctld"], check=True)
    for node in NODES:
        subprocess.run(["slurmd", "-N", node], check=True)
    wait_until(lambda: set(output("sinfo", "-hN", "-o", "%T").split()) == {"idle"}, SECONDS)
    yield folder
    subprocess.run(["scancel", "--user", "root"], check=False)
    for name in (*(f"d-{node}" for node in NODES), "ctld", "munged"):
        with suppress(OSError, ValueError):
            os.kill(int((folder / f"{name}.pid").read_text()), signal.SIGTERM)
    os.environ.pop("SLURM_CONF")
    if before is not None:
        os.environ["SLURM_CONF"] = before


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
