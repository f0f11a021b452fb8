"""Jobs that a real Slurm cannot run: each is reported in words, within seconds."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.journal import Journal
from xstilts.executors import slurm_queue
from xstilts.executors import submission as submissions
from xstilts.executors.base import BatchOptions
from xstilts.executors.submission import Submission

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        not all(map(shutil.which, ("munged", "slurmctld", "slurmd"))) or os.geteuid() != 0,
        reason="needs slurm-wlm and munge, and root",
    ),
]
OVERRIDES = ["name=small", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]


def run(file: Path, store: Path, batch: BatchOptions, workers: int = 1) -> Any:
    loaded = xstilts.load(str(file), OVERRIDES)
    return xstilts.run(loaded, store, executor="slurm", batch=batch, workers=workers)


@pytest.mark.parametrize(
    ("batch", "what"),
    [
        (BatchOptions("no-such-partition"), "invalid partition"),
        (BatchOptions("short", time="10:00"), "PartitionTimeLimit"),
        (BatchOptions(gpus=8), "not available|Invalid generic resource|GRES"),
        (BatchOptions(time="soon"), "time"),
    ],
)
def test_a_job_that_can_never_start_is_refused(
    slurm: Path, toy_file: Path, tmp_path: Path, batch: BatchOptions, what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        run(toy_file, tmp_path / "store", batch)


def test_a_store_that_the_nodes_do_not_see_is_named(
    slurm: Path, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver keeps the submission elsewhere, as if each machine had its own folder."""
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(Submission, "folder", property(lambda self: elsewhere / self.name))
    with pytest.raises(StoreError, match=r"node[12] does not see the store"):
        run(toy_file, tmp_path / "store", BatchOptions())


def test_another_version_on_the_nodes_is_named(
    slurm: Path, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**submissions.versions(), "xstilts": "0.0.1"}
    monkeypatch.setattr(submissions, "versions", lambda: other)
    with pytest.raises(ConfigError, match=r"0\.0\.1 of xstilts"):
        run(toy_file, tmp_path / "store", BatchOptions())


def test_a_stage_that_fails_is_tried_once_by_all_tasks(
    slurm: Path, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every training diverges at its first steps; both tasks take part."""
    loaded = xstilts.load(str(toy_file), [*OVERRIDES, "recipes.target.learning_rate=1.0e30"])
    store = tmp_path / "store"
    result = xstilts.run(loaded, store, executor="slurm", workers=2)
    starts = Counter(
        event["label"]
        for event in Journal(store / "journal.jsonl").read()
        if event["event"] == "started"
    )
    assert max(starts.values()) == 1, (starts, result.failed)


def test_a_controller_that_does_not_answer_is_reported(
    slurm: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slurm_queue, "SILENT_SECONDS", 0.0)
    controller = int((slurm / "ctld.pid").read_text())
    queue = slurm_queue.Queue("1")
    os.kill(controller, signal.SIGSTOP)
    try:
        assert queue.tasks() is None
    finally:
        os.kill(controller, signal.SIGCONT)
    assert "has not answered" in caplog.text
    assert queue.tasks() is not None
    assert "answers again" in caplog.text


def test_the_reason_for_which_a_job_waits_is_reported(
    slurm: Path, toy_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another job has both nodes for some seconds."""
    other = ["sbatch", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap", "sleep 8"]
    subprocess.run(other, check=True, capture_output=True)
    caplog.set_level(logging.WARNING)
    result = run(toy_file, tmp_path / "store", BatchOptions())
    assert result.exit_code == 0
    assert "waits (Resources)" in caplog.text or "waits (Priority)" in caplog.text
