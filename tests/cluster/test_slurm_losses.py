"""Preemption and loss of nodes on a real Slurm (`make test-cluster`, as root)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from xstilts.core.journal import Journal
from xstilts.core.store import Store
from xstilts.testing.equal_artifacts import check_equal_artifacts
from xstilts.testing.waiting import wait_until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not all(map(shutil.which, ("munged", "slurmctld", "slurmd"))) or os.geteuid() != 0,
        reason="needs slurm-wlm and munge, and root",
    ),
]
OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[toy-same]", "targets=[toy-kind]",
    "recipes.intermediate.epochs=600",
]  # fmt: skip
LONG = "train toy-same seed 0"
SECONDS = 800.0


def started(store: Path) -> bool:
    return any(
        event["event"] == "started" and event.get("label") == LONG
        for event in Journal(store / "journal.jsonl").read()
    )


def submit(file: Path, store: Path, *options: str) -> subprocess.Popen[str]:
    sets = [part for override in OVERRIDES for part in ("--set", override)]
    command = [sys.executable, "-m", "xstilts", "run", str(file), "--store", str(store), *sets]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def running_job() -> str:
    """What Slurm says of the jobs that run."""
    done = subprocess.run(
        ["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, check=False
    )
    return "\n".join(line for line in done.stdout.splitlines() if "JobState=RUNNING" in line)


def notes_of(store: Path) -> list[str]:
    return [
        note
        for key in Store(store).keys()  # noqa: SIM118
        for note in Store(store).artifact(key).manifest["provenance"]["notes"]
    ]


@pytest.fixture(scope="module")
def expected(toy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the same experiment, run here."""
    store = tmp_path_factory.mktemp("expected") / "store"
    with submit(toy_file, store, "--workers", "1") as process:
        process.communicate()
    return store


def test_a_preempted_job_resumes_from_its_checkpoint(
    slurm: Path, toy_file: Path, expected: Path, tmp_path: Path
) -> None:
    """An urgent job takes both nodes: Slurm sends TERM, then requeues the job after GraceTime."""
    store = tmp_path / "store"
    with submit(toy_file, store, "--executor", "slurm", "--partition", "main") as process:
        wait_until(lambda: started(store) or process.poll() is not None, SECONDS)
        time.sleep(4)  # some steps
        urgent = ["sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null"]
        subprocess.run([*urgent, "--wrap", "sleep 3"], check=True, capture_output=True)
        out = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, out
    assert "restart 1" in out
    assert any("resumed from step" in note for note in notes_of(store)), out
    check_equal_artifacts(Store(store), Store(expected))


def test_a_node_that_is_killed_in_mid_stage_costs_nothing_finished(
    slurm: Path, toy_file: Path, expected: Path, tmp_path: Path
) -> None:
    """Every process of the node is killed, its slurmd first, as when the power fails."""
    store = tmp_path / "store"
    submitted = time.monotonic()
    with submit(toy_file, store, "--executor", "slurm") as process:
        wait_until(lambda: started(store) or process.poll() is not None, SECONDS)
        time.sleep(4)
        killed = time.monotonic()
        node = next(name for name in ("node1", "node2") if f" NodeList={name} " in running_job())
        try:
            os.kill(int((slurm / f"d-{node}.pid").read_text()), signal.SIGKILL)
            for number in processes_of(node):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            out = process.communicate(timeout=SECONDS)[0]
            ended = time.monotonic()
        finally:
            subprocess.run(["slurmd", "-N", node], check=True)
    print(f"the run took {ended - submitted:.0f} s, {ended - killed:.0f} s of them after the kill")
    assert process.returncode == 0, out
    assert "restart 1" in out
    made = [
        event["key"]
        for event in Journal(store / "journal.jsonl").read()
        if event["event"] == "done"
    ]
    assert len(made) == len(set(made))
    check_equal_artifacts(Store(store), Store(expected))


def processes_of(node: str) -> set[int]:
    """The processes of the node's jobs, and Slurm's own that run them."""
    numbers = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"SLURMD_NODENAME={node}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                numbers.add(int(folder.name))
                if (Path("/proc") / str(parent) / "cmdline").read_bytes().startswith(b"slurmstepd"):
                    numbers.add(parent)
    return numbers
