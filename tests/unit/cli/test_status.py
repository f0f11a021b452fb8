"""`xstilts status` tells a run that goes on from one that has stopped."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xstilts.analysis.run_records import saved_records
from xstilts.cli.app import app
from xstilts.core.leases import EXPIRY, this_process
from xstilts.core.stage import Stage
from xstilts.core.store import Store


def status(store: Path, *options: str) -> str:
    result = CliRunner().invoke(
        app, ["status", "--store", str(store), *options], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def unfinished(copied: Path) -> Stage:
    """The last stage of the store's experiment, which is to do again."""
    (record,) = saved_records(Store(copied))
    stage = record.plan.stages[-1]
    shutil.rmtree(Store(copied).artifact(stage.key).path)
    shutil.rmtree(Store(copied).leases.folder / stage.key, ignore_errors=True)
    return stage


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_a_stage_that_runs_is_listed_with_its_process(copied: Path, unfinished: Stage) -> None:
    Store(copied).leases.take(unfinished.key)
    before = files(copied)
    text = status(copied)
    assert "small: 1 stage running now" in text
    assert f"{unfinished.label}: process {os.getpid()} on " in text
    assert "to resume" not in text
    assert "no sign of life" not in text
    (experiment,) = json.loads(status(copied, "--json"))["experiments"]
    (running,) = experiment["running"]
    assert (running["key"], running["process"]) == (unfinished.key, os.getpid())
    assert files(copied) == before


def test_a_silent_process_is_named(copied: Path, unfinished: Stage) -> None:
    Store(copied).leases.take(unfinished.key)
    lease = Store(copied).leases.folder / unfinished.key / "1"
    touched = lease.stat().st_mtime - EXPIRY - 120
    os.utime(lease, (touched, touched))
    assert "no sign of life for 3 min" in status(copied)


def test_a_lease_that_cannot_be_read_is_named(copied: Path, unfinished: Stage) -> None:
    lease = Store(copied).leases.folder / unfinished.key / "1"
    lease.parent.mkdir(parents=True)
    lease.write_bytes(b"\0" * 40)
    text = status(copied)
    assert f"{unfinished.label}: perhaps another process; if there is none" in text
    assert f"leases/{unfinished.key[:12]}… cannot be read" in text
    (experiment,) = json.loads(status(copied, "--json"))["experiments"]
    assert [running["process"] for running in experiment["running"]] == [0]


def test_a_stopped_run_names_the_command_that_resumes_it(copied: Path, unfinished: Stage) -> None:
    lease = Store(copied).leases.folder / unfinished.key / "1"
    lease.parent.mkdir(parents=True)
    lease.write_text(json.dumps(asdict(replace(this_process(), process=2**22, started="0"))))
    before = files(copied)
    text = status(copied)
    assert "small: stopped, no stage runs now" in text
    assert "with the same options:\n" in text
    assert f"  xstilts run toy.yaml --store {copied}\n" in text
    (experiment,) = json.loads(status(copied, "--json"))["experiments"]
    assert experiment["running"] == []
    assert experiment["command"] == "xstilts run toy.yaml"
    assert files(copied) == before


def test_a_finished_experiment_neither_runs_nor_has_stopped(finished: Path) -> None:
    text = status(finished)
    assert "running" not in text
    assert "stopped" not in text
