"""States of stages in a store; a plan does no work twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core import stage as stage_module
from xstilts.core.artifact import Artifact, checked_manifest
from xstilts.core.hashing import digest_of
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.stage import Cost, Stage
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.planning.compile import compile_experiment
from xstilts.planning.cost import calibration
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

ROOT = Stage("prepare", 1, {}, label="root", cost=Cost(2.0))


def child(name: str, *inputs: Stage) -> Stage:
    return Stage("train", 1, {"name": name}, {one.label: one.key for one in inputs}, label=name)


def publish(store: Store, stage: Stage, **facts: object) -> Artifact:
    with store.staging(stage.key) as folder:
        (folder / "rows").write_text("rows")
        return store.publish(stage, folder, facts, {"seconds": 5.0})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def test_every_state_has_its_reason(store: Store) -> None:
    diverged, stopped, damaged = (child(name, ROOT) for name in ("d", "s", "x"))
    after = child("after", stopped, diverged)
    last = child("last", after)
    changed = child("c", ROOT)
    fresh = child("f", ROOT)
    publish(store, ROOT)
    publish(store, diverged, diverged="at step 3")
    (publish(store, damaged) / "rows").write_text("row")
    store.checkpoint_path(stopped.key).mkdir()
    before = {"c": replace(changed, params={"name": "other"}).to_json(), "f": fresh.to_json()}
    stages = (ROOT, diverged, stopped, damaged, after, last, changed, fresh)
    todo = StageState.TODO
    assert Plan(stages, before).statuses(store) == {
        ROOT.key: StageStatus(StageState.DONE, seconds=5.0),
        diverged.key: StageStatus(StageState.DONE, seconds=5.0),
        stopped.key: StageStatus(todo, "interrupted"),
        damaged.key: StageStatus(todo, "its artifact is damaged"),
        after.key: StageStatus(StageState.BLOCKED, "d diverged"),
        last.key: StageStatus(StageState.BLOCKED, "d diverged"),
        changed.key: StageStatus(todo, "changed: params.name"),
        fresh.key: StageStatus(todo, "never run"),
    }


def test_in_a_missing_store_no_stage_is_done(tmp_path: Path) -> None:
    found = Plan((ROOT,)).statuses(Store(tmp_path / "absent"))
    assert found == {ROOT.key: StageStatus(StageState.TODO, "never run")}


def test_measured_durations_calibrate_the_rate(store: Store) -> None:
    plan = Plan((ROOT, replace(ROOT, params={"other": 1})))
    publish(store, ROOT)
    assert calibration(plan, plan.statuses(store)) == {"prepare": 2.5}


def test_each_manifest_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    children = [child(str(number), ROOT) for number in range(4)]
    for stage in (ROOT, *children[:2]):
        publish(store, stage)
    read: Counter[str] = Counter()

    def counted(key: str, data: bytes) -> dict[str, Any]:
        read[key] += 1
        return checked_manifest(key, data)

    monkeypatch.setattr("xstilts.core.artifact.checked_manifest", counted)
    Plan((ROOT, *children)).statuses(store)
    assert read == Counter([ROOT.key, children[0].key, children[1].key])


def test_a_large_plan_hashes_each_stage_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fingerprints of data are asked for once by the check and once by the plan, not by cell."""
    hashed: Counter[str] = Counter()
    asked: Counter[tuple[str, str, str]] = Counter()

    def digest(value: object) -> str:
        hashed[found := digest_of(value)] += 1
        return found

    def watched(task: TaskSpec) -> TaskSpec:
        def fingerprint(split: str, language: str) -> str:
            asked[task.name, split, language] += 1
            return task.fingerprint(split, language)

        return replace(task, fingerprint=fingerprint)

    get = TASKS.get
    monkeypatch.setattr(TASKS, "get", lambda name, **rest: watched(get(name, **rest)))
    monkeypatch.setattr(stage_module, "digest_of", digest)
    plan = compile_experiment(xstilts.load("phang-2020", ["seeds=[0, 1]"])).plan
    assert len(plan.stages) == len(hashed) > 8000
    assert sum(hashed.values()) < 1.05 * len(hashed)
    assert sum(asked.values()) < 2 * len(asked)


def test_a_kind_that_reads_blocking_facts_runs_after_a_diverged_input(store: Store) -> None:
    kind = stage_module.declare_reads_blocking("choose-recipe")
    diverged, other = child("d", ROOT), child("o", ROOT)
    lost = child("after d", diverged)
    publish(store, ROOT)
    publish(store, diverged, diverged="at step 3")
    choice, hopeless = (
        Stage(kind, 1, {}, {"a": diverged.key, "b": needed.key}) for needed in (other, lost)
    )
    found = Plan((ROOT, diverged, other, lost, choice, hopeless)).statuses(store)
    assert found[choice.key].state is StageState.TODO
    assert found[hopeless.key].state is StageState.BLOCKED


def test_manifests_in_memory_share_equal_values_with_their_stages(store: Store) -> None:
    stage = child("shared", ROOT)
    plan, snapshot = Plan((ROOT, stage)), StoreSnapshot(store)
    for one in plan.stages:
        publish(store, one)
    plan.statuses(snapshot)
    manifest = snapshot.artifact(stage.key).manifest
    assert manifest == Artifact(stage.key, store.artifact(stage.key).parent).manifest
    assert manifest["stage"]["params"] is stage.params


def test_a_manifest_of_another_stage_keeps_its_own_values(store: Store) -> None:
    stage, renamed = child("a", ROOT), replace(child("a", ROOT), label="renamed")
    publish(store, ROOT)
    publish(store, stage)
    snapshot = StoreSnapshot(store)
    Plan((ROOT, renamed)).statuses(snapshot)
    assert snapshot.artifact(stage.key).manifest["stage"]["label"] == "a"
