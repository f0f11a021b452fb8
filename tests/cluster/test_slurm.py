"""Runs on a real Slurm with two nodes on this machine (`make test-cluster`, as root)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.core.journal import Journal
from xstilts.core.store import Store
from xstilts.executors.base import BatchOptions

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not all(map(shutil.which, PROGRAMS)) or os.geteuid() != 0,
        reason="needs slurm-wlm and munge, and root",
    ),
]
OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip
LONG = "recipes.intermediate.epochs=1500"
SECONDS = 600.0


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A controller and two nodes."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool-node1", "spool-node2"):
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
    for node in ("node1", "node2"):
        subprocess.run(["slurmd", "-N", node], check=True)
    wait_until(lambda: "idle" in output("sinfo", "--noheader", "--format", "%T"))
    yield
    subprocess.run(["scancel", "--user", "root"], check=False)
    for name in ("d-node1", "d-node2", "ctld", "munged"):
        with suppress(OSError, ValueError):
            os.kill(int((folder / f"{name}.pid").read_text()), signal.SIGTERM)
    os.environ.pop("SLURM_CONF")
    if before is not None:
        os.environ["SLURM_CONF"] = before


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "the condition never held"
        time.sleep(0.2)


def same_artifacts(one: Path, other: Path) -> None:
    left, right = Store(one), Store(other)
    assert left.keys() == right.keys()
    for key in left.names("artifacts"):
        assert left.artifact(key).manifest["files"] == right.artifact(key).manifest["files"]


def test_two_nodes_give_the_bytes_of_the_local_executor(
    slurm: None, toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    loaded, store = xstilts.load(str(toy_file), OVERRIDES), tmp_path / "store"
    result = xstilts.run(loaded, store, executor="slurm", workers=2)
    assert (result.exit_code, result.failed, result.skipped) == (0, {}, {})
    assert sorted(result.done) == sorted(Store(store).keys())
    same_artifacts(finished, store)
    assert xstilts.run(loaded, store, executor="slurm").done == []


@pytest.mark.parametrize("how", ["time limit", "preempted"])
def test_a_job_that_is_requeued_goes_on_from_its_checkpoint(
    slurm: None, toy_file: Path, tmp_path: Path, how: str
) -> None:
    """USR1 is what Slurm sends before a time limit; `requeue` sends TERM, as preemption does."""
    store = tmp_path / "store"
    sets = [part for override in (*OVERRIDES, LONG) for part in ("--set", override)]
    run = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(store), *sets]
    with subprocess.Popen(
        [*run, "--executor", "slurm"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        journal = Journal(store / "journal.jsonl")
        wait_until(lambda: any(_is_long(event) for event in journal.read()))
        time.sleep(10)  # some steps, and long enough for Slurm to know the job
        job = output("squeue", "--noheader", "--format", "%F").split()[0]
        if how == "preempted":
            subprocess.run(["scontrol", "requeue", f"{job}_1"], check=True)
        else:
            subprocess.run(["scancel", "--batch", "--signal=USR1", f"{job}_1"], check=True)
        out = process.communicate(timeout=SECONDS)[0].decode()
    assert process.returncode == 0, out
    notes = [
        note
        for key in Store(store).keys()  # noqa: SIM118
        for note in Store(store).artifact(key).manifest["provenance"]["notes"]
    ]
    assert any("resumed from step" in note for note in notes)


def _is_long(event: dict[str, object]) -> bool:
    return event["event"] == "started" and event.get("label") == "train toy-same seed 0"


def test_a_partition_that_does_not_exist_is_named(
    slurm: None, toy_file: Path, tmp_path: Path
) -> None:
    loaded = xstilts.load(str(toy_file), OVERRIDES)
    with pytest.raises(ConfigError, match="invalid partition"):
        xstilts.run(
            loaded, tmp_path / "store", executor="slurm", batch=BatchOptions("no-such-partition")
        )
