"""`xstilts status` tells a run that goes on from one that has stopped."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.run_records import save_record, saved_records
from xstilts.cli.app import app
from xstilts.core.leases import EXPIRY, this_process
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment


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


def stop(store: Path, stage: Stage) -> None:
    """As if the process of a stage had ended."""
    lease = Store(store).leases.folder / stage.key / "1"
    lease.parent.mkdir(parents=True)
    lease.write_text(json.dumps(asdict(replace(this_process(), process=2**22, started="0"))))


def commands(store: Path) -> list[tuple[str, str]]:
    found = json.loads(status(store, "--json"))["experiments"]
    return [(each["command"], each["problem"]) for each in found]


def test_a_stopped_run_names_the_command_that_resumes_it(
    copied: Path, unfinished: Stage, toy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(copied, unfinished)
    monkeypatch.chdir(toy_file.parent)
    before = files(copied)
    text = status(copied)
    assert "small: stopped, no stage runs now" in text
    ((command, problem),) = commands(copied)
    assert f"  {command}\n" in text
    assert not problem
    assert files(copied) == before
    words = shlex.split(command)
    assert words[:3] == ["xstilts", "run", "toy.yaml"]
    assert words[-2:] == ["--store", str(copied)]
    result = CliRunner().invoke(app, [*words[1:], "--dry-run", "--json"])
    assert result.exit_code == 0, result.output
    todo = [one["key"] for one in json.loads(result.stdout)["stages"] if one["state"] != "done"]
    assert todo == [unfinished.key]


def test_the_command_has_the_data_of_the_run(
    toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, store = tmp_path / "data", tmp_path / "store"
    data.mkdir()
    loaded = xstilts.load(toy_file, data=data)
    save_record(loaded, compile_experiment(loaded), Store(store).prepare())
    monkeypatch.chdir(toy_file.parent)
    expected = f"xstilts run toy.yaml --data {data} --store {store}"
    assert commands(store) == [(expected, "")]
    assert expected in status(store)


def test_a_version_that_the_file_no_longer_describes_has_no_command(
    copied: Path, unfinished: Stage, toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(copied, unfinished)
    loaded = xstilts.load(toy_file, ["name=small"])
    now = toy_file.read_text().replace("name: toy", "name: small\ndescription: added later")
    loaded = replace(loaded, text=now, folder=toy_file.parent)
    save_record(loaded, compile_experiment(loaded), Store(copied))
    (tmp_path / "here").mkdir()
    (tmp_path / "here/toy.yaml").write_text(now)
    monkeypatch.chdir(tmp_path / "here")
    superseded, newest = commands(copied)
    assert superseded[0] == ""
    assert "toy.yaml has changed since" in superseded[1]
    assert newest == (f"xstilts run toy.yaml --store {copied}", "")
    printed = status(copied)
    assert printed.count("toy.yaml has changed since") == 1
    assert printed.count("xstilts run toy.yaml") == 1


def test_a_file_that_is_not_here_is_named(copied: Path, unfinished: Stage) -> None:
    stop(copied, unfinished)
    assert "toy.yaml is not in this folder" in status(copied)
    assert commands(copied)[0][0] == ""


def test_a_finished_experiment_neither_runs_nor_has_stopped(finished: Path) -> None:
    text = status(finished)
    assert "running" not in text
    assert "stopped" not in text
