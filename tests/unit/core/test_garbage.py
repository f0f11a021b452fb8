"""Garbage of a store: exactly what nothing uses is removed, also by an interrupted `gc`."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError, StoreError, UnknownNameError
from xstilts.core.garbage import DAY, Garbage, GarbageKind
from xstilts.core.pins import Pins
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.study_stages import save_study_stages
from xstilts.testing.recorded_stores import publish, record, toy_stage

LATER = time.time() + 10 * DAY
ENDED = {"host": "x", "boot": "x", "process": 1, "started": "1", "since": 0.0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def removed_paths(store: Store, **options: object) -> set[str]:
    listed = [entry.path for entry in xstilts.store_garbage(store, now=LATER, **options)]  # type: ignore[arg-type]
    before = _entries(store)
    removal = xstilts.store_gc(store, now=LATER, **options)  # type: ignore[arg-type]
    assert [entry.path for entry in removal.removed] == listed
    assert not removal.stayed
    gone = before - _entries(store)
    assert gone == set(listed)
    return gone


def _entries(store: Store) -> set[str]:
    folders = ("artifacts", "staging", "checkpoints", "leases", "damaged", "experiments")
    return {f"{folder}/{name}" for folder in folders for name in store.names(folder)}


def _lease(store: Store, key: str, age: float = 0.0) -> None:
    folder = store.root / "leases" / key
    folder.mkdir(parents=True)
    (folder / "1").write_text(json.dumps(ENDED))
    os.utime(folder / "1", (LATER - age, LATER - age))


@pytest.mark.parametrize("seed", range(8))
def test_gc_removes_exactly_what_no_experiment_pin_or_process_needs(
    store: Store, seed: int
) -> None:
    draw = random.Random(seed)
    stages = [toy_stage(number) for number in range(16)]
    needed, garbage = set[str](), set[str]()
    for name in ("one", "two", "three")[: draw.randrange(4)]:
        own = draw.sample(stages, 4)
        record(store, name, own)
        needed |= {stage.key for stage in own}
    if draw.random() < 0.5:
        own = draw.sample(stages, 2)
        save_study_stages(store, "one", "reasoning", Plan.of(own))
        needed |= {stage.key for stage in own}
    pinned = {stage.key for stage in draw.sample(stages, 3)}
    Pins(store.root).add("mine", pinned)
    for stage in stages:
        key = stage.key
        held, stale = draw.random() < 0.2, draw.random() < 0.2
        if held or stale:
            _lease(store, key, 0.0 if held else 2 * DAY)
        garbage |= {f"leases/{key}"} if stale and not held else set()
        if published := draw.random() < 0.7:
            publish(store, stage)
            garbage |= {f"artifacts/{key}"} - ({f"artifacts/{key}"} if held else set())
        if draw.random() < 0.4:
            (store.root / "checkpoints" / key / "step-1").mkdir(parents=True)
            is_kept = held or (not published and key in needed | pinned)
            garbage |= set() if is_kept else {f"checkpoints/{key}"}
        if draw.random() < 0.3:
            (store.root / "staging" / f"{key}.123").mkdir()
            garbage |= set() if held else {f"staging/{key}.123"}
    garbage -= {f"artifacts/{key}" for key in needed | pinned}
    assert removed_paths(store) == garbage
    assert removed_paths(store) == set()


def test_a_young_artifact_stays_and_an_old_one_goes(store: Store) -> None:
    publish(store, toy_stage(1))
    now = time.time()
    assert not xstilts.store_garbage(store, now=now + DAY - 60)
    assert xstilts.store_garbage(store, now=now + DAY + 60)
    assert xstilts.store_garbage(store, now=now + 120, older_than=60)
    assert not xstilts.store_garbage(store, now=now - 2 * DAY, older_than=60)


def test_foreign_files_and_links_stay(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    for folder in ("artifacts", "staging", "checkpoints", "damaged", "leases"):
        (store.root / folder / "notes.txt").write_text("mine")
        (store.root / folder / f"{'a' * 64}{'.1' if folder == 'staging' else ''}").symlink_to(
            outside
        )
    (store.root / "damaged" / "x.1").symlink_to(outside)
    before = _entries(store)
    assert removed_paths(store) == set()
    assert _entries(store) == before
    assert (outside / "file").exists()


def test_gc_refuses_while_a_record_cannot_be_read(store: Store) -> None:
    path = record(store, "toy", [toy_stage(1)])
    publish(store, toy_stage(1))
    content = path.read_text()
    path.write_text(content[: len(content) // 2])
    with pytest.raises(StoreError) as error:
        xstilts.store_gc(store, now=LATER)
    assert f"experiments/{path.name}" in str(error.value)
    store.set_aside(path, path.name)
    with pytest.raises(StoreError) as error:
        xstilts.store_gc(store, now=LATER)
    assert "damaged/toy@" in str(error.value)
    path.write_text(content)  # as another run writes it
    kinds = {entry.kind for entry in xstilts.store_gc(store, now=LATER).removed}
    assert kinds == {GarbageKind.DAMAGED}


def test_gc_refuses_while_a_pin_cannot_be_read(store: Store) -> None:
    publish(store, toy_stage(1))
    Pins(store.root).add("mine", [toy_stage(1).key])
    (path,) = (store.root / "pins").iterdir()
    path.write_text("{}")
    with pytest.raises(StoreError) as error:
        xstilts.store_gc(store, now=LATER)
    assert path.name in str(error.value)


def test_an_answer_of_an_earlier_version_keeps_its_stages_and_their_inputs(store: Store) -> None:
    first = toy_stage(1)
    second = toy_stage(2, {"input": first.key})
    for stage in (first, second, toy_stage(3)):
        publish(store, stage)
    folder = store.root / "studies" / "toy" / "reasoning"
    folder.mkdir(parents=True)
    (folder / "answer.json").write_text(json.dumps({"beside": [second.key]}))
    assert removed_paths(store) == {f"artifacts/{toy_stage(3).key}"}


def test_an_answer_whose_stages_are_unknown_stops_gc(store: Store) -> None:
    folder = store.root / "studies" / "toy" / "reasoning"
    folder.mkdir(parents=True)
    (folder / "answer.json").write_text(json.dumps({"further_stages": ["f" * 64]}))
    with pytest.raises(StoreError, match="studies/toy/reasoning"):
        xstilts.store_gc(store, now=LATER)


def test_a_forgotten_experiment_takes_only_what_it_alone_needs(store: Store) -> None:
    stages = [toy_stage(number) for number in range(4)]
    for stage in stages:
        publish(store, stage)
    path = record(store, "toy", stages[:3])
    record(store, "other", stages[2:])
    Pins(store.root).add("mine", [stages[0].key])
    save_study_stages(store, "toy", "reasoning", Plan.of(stages[:1]))
    (store.root / "studies" / "toy" / "reasoning" / "NOTES").write_text("mine")
    removal = xstilts.store_gc(store, experiment="toy")
    assert {entry.path for entry in removal.removed} == {
        f"experiments/{path.name}",
        "studies/toy/reasoning/stages.json",
        f"artifacts/{stages[1].key}",
    }
    assert (store.root / "studies" / "toy" / "reasoning" / "NOTES").exists()


def test_one_run_of_an_experiment_is_forgotten(store: Store) -> None:
    stages = [toy_stage(number) for number in range(3)]
    for stage in stages:
        publish(store, stage)
    old, new = record(store, "toy", stages[:2]), record(store, "toy", stages[1:])
    removal = xstilts.store_gc(store, experiment=old.stem)
    assert {entry.path for entry in removal.removed} == {
        f"experiments/{old.name}",
        f"artifacts/{stages[0].key}",
    }
    assert new.exists()


def test_an_experiment_that_is_unknown_or_running_is_not_forgotten(store: Store) -> None:
    record(store, "toy", [toy_stage(1)])
    with pytest.raises(UnknownNameError, match="toy"):
        xstilts.store_gc(store, experiment="toi")
    with store.leases.hold(toy_stage(1).key), pytest.raises(ConfigError, match="toy"):
        xstilts.store_gc(store, experiment="toy")
    assert xstilts.store_gc(store, experiment="toy").removed


def test_an_experiment_recorded_meanwhile_keeps_its_artifacts(store: Store) -> None:
    orphans = [toy_stage(number) for number in range(3)]
    for stage in orphans:
        publish(store, stage)

    def run_begins(_: Garbage) -> None:
        record(store, "toy", orphans)

    removal = xstilts.store_gc(store, now=LATER, on_removed=run_begins)
    assert len(removal.removed) == 1
    assert {entry.key for entry in removal.stayed} == set(store.keys())
    assert len(store.keys()) == 2


def test_hard_links_count_once_both_are_gone(store: Store) -> None:
    first, second = (publish(store, toy_stage(number), {"a": b"x" * 1000}) for number in (1, 2))
    (second / "a").unlink()
    os.link(first / "a", second / "a")
    shared = {entry.key: entry.bytes for entry in xstilts.store_garbage(store, now=LATER)}
    assert all(count < 1000 for count in shared.values())


def test_features_go_with_the_rows_that_they_were_made_from(store: Store) -> None:
    rows, gone = toy_stage(1), toy_stage(2)
    publish(store, rows)
    record(store, "toy", [rows])
    features = Store(store.root / "features").prepare()
    kept = Stage("features", 1, {}, {"rows": rows.key})
    left = Stage("features", 1, {}, {"rows": gone.key})
    publish(features, kept)
    publish(features, left)
    removal = xstilts.store_gc(store, now=LATER)
    assert [entry.path for entry in removal.removed] == [f"features/artifacts/{left.key}"]
    assert features.keys() == [kept.key]


def test_gain_tables_go_with_the_last_record_of_their_experiment(store: Store) -> None:
    publish(store, toy_stage(1))
    old, new = record(store, "toy", [toy_stage(1)]), record(store, "toy", [toy_stage(1)] * 2)
    assert old != new
    record(store, "other", [toy_stage(1)])
    folder = store.root / "gains"
    folder.mkdir()
    for name in ("toy@01234567.json", "other@01234567.json", "gone@01234567.json", "NOTES"):
        (folder / name).write_text("{}")
    xstilts.store_gc(store, experiment=old.stem)
    assert sorted(os.listdir(folder)) == ["NOTES", "other@01234567.json", "toy@01234567.json"]
    xstilts.store_gc(store, experiment="toy")
    assert sorted(os.listdir(folder)) == ["NOTES", "other@01234567.json"]
