"""The file of a plan that the nodes of a batch system drain."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from xstilts.core.errors import StoreError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import drain
from xstilts.executors.drain import SIGNALS, STOPPED, main, read_plan, write_plan
from xstilts.testing.damages import DAMAGES

PLAN = Plan.of([Stage("prepare", 1, {"n": 10}, label="rows 10", context={"folder": "data"})])
OTHER = Plan.of([Stage("prepare", 1, {"n": 11}, label="rows 11")])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_plan_is_named_and_not_run(
    damage: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    store = Store(tmp_path / "store").prepare()
    path, other = write_plan(store, PLAN), write_plan(store, OTHER)
    assert read_plan(path) == PLAN
    assert DAMAGES[damage](path, other, random.Random(0))
    with pytest.raises(StoreError, match=path.name):
        read_plan(path)
    assert main(str(store.root), str(path)) == 4
    assert path.name in capsys.readouterr().out


@pytest.fixture
def _handlers() -> Iterator[None]:
    """The handlers of signals are as before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
def test_a_signal_does_not_end_the_requeueing_of_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def requeue(command: list[str], **_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        commands.append(command)

    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    monkeypatch.setattr(drain.subprocess, "run", requeue)
    monkeypatch.setattr(drain, "drain", lambda *_: os.kill(os.getpid(), signal.SIGUSR1))
    store = Store(tmp_path / "store").prepare()
    assert main(str(store.root), str(write_plan(store, PLAN))) == STOPPED
    assert commands == [["scontrol", "requeue", "7_2"]]
