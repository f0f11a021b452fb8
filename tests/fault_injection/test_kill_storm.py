"""R1: several drivers on one store, whose processes are killed at random, make everything once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import xstilts
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.drain import write_plan
from xstilts.executors.local import LocalExecutor
from xstilts.planning.compile import compile_experiment
from xstilts.testing.equal_artifacts import check_equal_artifacts
from xstilts.testing.kill_storm import KillStorm, published_twice
from xstilts.testing.toy_stages import toy_plan

OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip
OFTEN = "recipes.target.checkpoint_minutes=1.0e-9"
KILLS = 100


def storm_over_toy_stages(folder: Path, logs: Path, stages: int, kills: int, seed: int) -> int:
    """Storm one store until its plan is done; check it; return the number of kills."""
    plan = toy_plan(stages, logs, 0.1, seed)
    store = Store(folder / f"store {seed}").prepare()
    command = [sys.executable, "-m", "xstilts.executors.drain"]
    command += [str(store.root), str(write_plan(store, plan))]
    storm = KillStorm(store, plan, command, {"XSTILTS_CORES": "2"}, seed)
    storm.run(kills, 240)
    finish_and_check(storm, plan, folder / f"unbroken {seed}")
    assert list(logs.glob("overlap*")) == []
    return storm.kills.total()


def finish_and_check(storm: KillStorm, plan: Plan, unbroken: Path) -> None:
    """Run once more without kills, and compare with a run that was never killed."""
    runs = [storm.store, Store(unbroken).prepare()]
    for store in runs:
        result = LocalExecutor(store, ExecutorOptions(workers=2)).run(plan, lambda _: None)
        assert result.exit_code == 0, result.failed
    check_equal_artifacts(*runs)
    assert len(storm.store.keys()) == len(plan.stages)
    assert published_twice(storm.store) == []
    assert storm.replaced == set()
    assert storm.store.names("damaged") == []
    storm.store.cleanup()
    assert storm.store.names("staging") == storm.store.names("checkpoints") == []


def test_a_few_kills_of_two_drivers_and_their_workers(tmp_path: Path, logs: Path) -> None:
    assert storm_over_toy_stages(tmp_path, logs, 12, 5, 0) > 0


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_hundred_kills_of_two_drivers_and_their_workers(tmp_path: Path, logs: Path) -> None:
    kills = seed = 0
    while kills < KILLS:
        kills += storm_over_toy_stages(tmp_path, logs, 60, min(40, KILLS - kills), seed)
        seed += 1
    print(f"{kills} kills over {seed} stores of 60 stages")


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_kills_of_two_commands_that_train(
    toy_file: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = compile_experiment(xstilts.load(str(toy_file), [*OVERRIDES, OFTEN])).plan
    store = Store(tmp_path / "store")
    command = [sys.executable, "-m", "xstilts", "run", str(toy_file), "--store", str(store.root)]
    command += [part for override in (*OVERRIDES, OFTEN) for part in ("--set", override)]
    storm = KillStorm(store, plan, [*command, "--workers", "1"], {}, pauses=(2, 12))
    storm.run(15, 900)
    finish_and_check(storm, plan, tmp_path / "unbroken")
    check_equal_artifacts(store, Store(finished))
    print(f"{storm.kills.total()} kills: {dict(storm.kills)}")
