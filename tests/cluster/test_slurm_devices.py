"""A node of a real Slurm whose GPU is broken: other nodes run the stages."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from xstilts.core.journal import Journal
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.events import ignore_events
from xstilts.executors.failures import MAX_DEVICE_FAILURES
from xstilts.executors.slurm import SlurmExecutor

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        not all(map(shutil.which, ("munged", "slurmctld", "slurmd"))) or os.geteuid() != 0,
        reason="needs slurm-wlm and munge, and root",
    ),
]
CODE = """
import os
import time

from xstilts.stages.base import StageKind


def run(context):
    if os.environ["SLURMD_NODENAME"] in context.stage.params["broken"]:
        raise RuntimeError("CUDA error: uncorrectable ECC error encountered")
    time.sleep(2)
    return {}


BROKEN = StageKind(1, run)
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store; the nodes see a kind of stages whose GPU is broken on the nodes that it names."""
    info = tmp_path / "broken_gpu-1.dist-info"
    info.mkdir()
    (tmp_path / "broken_gpu.py").write_text(CODE)
    (info / "METADATA").write_text("Name: broken-gpu\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[xstilts.stages]\nbroken-gpu = broken_gpu:BROKEN\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    return Store(tmp_path / "store").prepare()


def plan(*broken: str) -> Plan:
    """Eight stages."""
    return Plan.of(
        Stage("broken-gpu", 1, {"n": n, "broken": list(broken)}, label=f"stage {n}")
        for n in range(8)
    )


def test_the_stages_of_a_node_with_a_broken_gpu_run_on_other_nodes(
    slurm: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        result = SlurmExecutor(store, ExecutorOptions(workers=6)).run(plan("node1"), ignore_events)
    assert (len(result.done), result.failed, result.exit_code) == (8, {}, 0)
    events = Counter(event["event"] for event in Journal(store.root / "journal.jsonl").read())
    assert MAX_DEVICE_FAILURES <= events["failed"] < 4  # two workers of a task run at a time
    assert caplog.text.count("the GPUs of node1") == 1  # no further task has started there


def test_a_job_whose_nodes_are_all_broken_ends_with_their_failures(
    slurm: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    options = ExecutorOptions(workers=6)
    with caplog.at_level(logging.WARNING):
        result = SlurmExecutor(store, options).run(plan("node1", "node2"), ignore_events)
    assert (result.done, result.exit_code) == ([], 3)
    assert all("CUDA error" in problem for problem in result.failed.values())
    assert result.failed.keys() | result.skipped.keys() == plan("node1", "node2").by_key.keys()
    for node in ("node1", "node2"):
        assert f"the GPUs of {node}" in caplog.text
