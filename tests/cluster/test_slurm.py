"""Runs on a real Slurm with two nodes on this machine (`make test-cluster`, as root)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import xstilts
from xstilts.core.journal import Journal
from xstilts.core.store import Store
from xstilts.testing.equal_artifacts import check_equal_artifacts
from xstilts.testing.waiting import wait_until

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
LONG = "recipes.intermediate.epochs=600"
SECONDS = 600.0


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_two_nodes_give_the_bytes_of_the_local_executor(
    slurm: Path, toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    loaded, store = xstilts.load(str(toy_file), OVERRIDES), tmp_path / "store"
    result = xstilts.run(loaded, store, executor="slurm", workers=2)
    assert (result.exit_code, result.failed, result.skipped) == (0, {}, {})
    assert sorted(result.done) == sorted(Store(store).keys())
    check_equal_artifacts(Store(store), Store(finished))
    assert xstilts.run(loaded, store, executor="slurm").done == []


@pytest.mark.parametrize("how", ["time limit", "requeued"])
def test_a_job_that_is_requeued_goes_on_from_its_checkpoint(
    slurm: Path, toy_file: Path, tmp_path: Path, how: str
) -> None:
    """USR1 is what Slurm sends before a time limit; `scontrol requeue` sends TERM."""
    store = tmp_path / "store"
    sets = [part for override in (*OVERRIDES, LONG) for part in ("--set", override)]
    run = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(store), *sets]
    with subprocess.Popen(
        [*run, "--executor", "slurm"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        journal = Journal(store / "journal.jsonl")
        wait_until(lambda: any(_is_long(event) for event in journal.read()), SECONDS)
        time.sleep(5)  # some steps, and long enough for Slurm to know the job
        job = output("squeue", "--noheader", "--format", "%F").split()[0]
        if how == "requeued":
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
