"""The real scheduler and run loop over simulated workers."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xstilts.core import artifact
from xstilts.core.artifact import MANIFEST, Artifact, unreadable
from xstilts.core.dropped import drop
from xstilts.core.errors import StoreError
from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.core.store import Store, to_store_error
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import ignore_events
from xstilts.executors.run_loop import run_plan
from xstilts.executors.scheduler import Scheduler
from xstilts.testing.simulated_pool import Outcome, SimulatedPool, done

FAILED = {"event": "failed", "problem": "bad", "exit_code": 3}


def random_plan(seed: int, size: int = 200) -> Plan:
    source, stages = random.Random(seed), list[Stage]()
    for number in range(size):
        used = source.sample(stages, min(len(stages), source.choice((0, 1, 2))))
        inputs = {f"input {index}": stage.key for index, stage in enumerate(used)}
        cost = Cost(seconds=source.uniform(1, 100))
        affinity = source.choice(("", "a", "b", "c"))
        stages.append(Stage("toy", 1, {"n": number}, inputs, f"toy {number}", cost, affinity))
    return Plan.of(stages)


def simulate(
    folder: Path, plan: Plan, workers: int, outcome: Outcome = done
) -> tuple[RunResult, SimulatedPool]:
    pool = SimulatedPool(workers, lambda stage: stage.cost.seconds, outcome)
    options = ExecutorOptions()
    return run_plan(Store(folder).prepare(), plan, pool, options, ignore_events), pool


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_every_stage_runs_once_and_after_its_inputs(tmp_path: Path, workers: int) -> None:
    plan = random_plan(workers)
    ended: set[str] = set()

    def outcome(stage: Stage) -> dict[str, Any]:
        ended.add(stage.key)
        return done(stage)

    pool = SimulatedPool(workers, lambda stage: stage.cost.seconds, outcome)
    begin = pool.begin

    def checked(worker: Any, stage: Stage) -> None:
        assert ended.issuperset(stage.inputs.values())
        begin(worker, stage)

    pool.begin = checked  # type: ignore[method-assign]
    store = Store(tmp_path).prepare()
    result = run_plan(store, plan, pool, ExecutorOptions(), ignore_events)
    assert Counter(stage.key for stage in pool.order) == Counter(plan.by_key.keys())
    assert len(result.done) == len(plan.stages)
    assert not result.failed
    assert not result.skipped


def test_a_failure_skips_exactly_what_needs_it(tmp_path: Path) -> None:
    plan = random_plan(7)
    bad = {stage.key for stage in plan.stages[5:40:9]}
    needing = set(bad)
    for stage in plan.stages:
        if needing.intersection(stage.inputs.values()):
            needing.add(stage.key)

    def outcome(stage: Stage) -> dict[str, Any]:
        return FAILED if stage.key in bad else done(stage)

    result, pool = simulate(tmp_path, plan, 4, outcome)
    assert result.failed.keys() | result.skipped.keys() == needing
    assert set(result.done) == plan.by_key.keys() - needing
    assert not {stage.key for stage in pool.order} & result.skipped.keys()
    assert result.exit_code == 3


@pytest.mark.parametrize("workers", [1, 4, 32])
def test_no_worker_waits_while_a_stage_can_start(tmp_path: Path, workers: int) -> None:
    plan = random_plan(workers + 1)
    _, pool = simulate(tmp_path, plan, workers)
    total = sum(stage.cost.seconds for stage in plan.stages)
    longest: dict[str, float] = {}
    for stage in plan.stages:
        before = max((longest[key] for key in stage.inputs.values()), default=0.0)
        longest[stage.key] = before + stage.cost.seconds
    critical = max(longest.values())
    assert pool.now >= max(critical, total / workers) - 1e-6
    assert pool.now <= total / workers + critical + 1e-6  # Graham 1966, for any order


def test_an_input_that_many_workers_find_damaged_is_rebuilt_once(tmp_path: Path) -> None:
    encoder = Stage("encoder", 1, {}, label="encoder")
    readers = [Stage("toy", 1, {"n": n}, {"encoder": encoder.key}, str(n)) for n in range(8)]
    store = Store(tmp_path).prepare()
    scheduler = Scheduler(store, Plan.of([encoder, *readers]), ignore_events)

    def build() -> None:
        assert scheduler.next_stage("", ()) == encoder
        with store.staging(encoder.key) as folder:
            (folder / "body.safetensors").write_text("weights")
            store.publish(encoder, folder, {}, {"seconds": 1.0})
        scheduler.receive({**done(encoder), "key": encoder.key})

    def report(stage: Stage) -> None:
        if not store.names("damaged"):
            (store.artifact(encoder.key) / "body.safetensors").write_text("weighty")
        damage = {"event": "damaged", "damaged": encoder.key, "problem": "it differs"}
        scheduler.receive({**damage, "key": stage.key})

    build()
    assert [scheduler.next_stage("", ()) for _ in readers] == readers
    report(readers[0])
    report(readers[1])
    build()
    for stage in readers[2:]:
        report(stage)
    assert len(store.names("damaged")) == 1
    assert store.has(encoder.key)
    assert {scheduler.next_stage("", ()) for _ in readers} == set(readers)


ENCODER = Stage("encoder", 1, {}, label="encoder")
READER = Stage("toy", 1, {}, {"encoder": ENCODER.key}, "reader")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with an encoder."""
    made = Store(tmp_path).prepare()
    with made.staging(ENCODER.key) as folder:
        (folder / "body.safetensors").write_text("weights")
        made.publish(ENCODER, folder, {}, {"seconds": 1.0})
    return made


def find_damage(scheduler: Scheduler, host: str = "", damaged: str = ENCODER.key) -> None:
    """A worker says that it has found an artifact damaged."""
    assert scheduler.next_stage("", (), host) == READER
    problem = "artifact abc: body differs\n  → run again"
    message = {"event": "damaged", "damaged": damaged, "problem": problem, "exit_code": 4}
    scheduler.receive({**message, "key": READER.key}, host)


def test_an_artifact_that_one_machine_sees_damaged_stays(store: Store) -> None:
    """A machine with bad memory or an old view of the store; the others run its stages."""
    scheduler = Scheduler(store, Plan.of([ENCODER, READER]), ignore_events)
    find_damage(scheduler, "bad")
    assert (store.has(ENCODER.key), store.names("damaged")) == (True, [])
    assert scheduler.next_stage("", (), "bad") is None
    assert scheduler.next_stage("", (), "good") == READER


def test_a_stage_that_finds_an_intact_artifact_damaged_is_tried_once_more_here(
    store: Store,
) -> None:
    scheduler = Scheduler(store, Plan.of([ENCODER, READER]), ignore_events)
    for _ in range(2):
        find_damage(scheduler)
    assert (store.has(ENCODER.key), store.names("damaged")) == (True, [])
    assert "mount of the store" in scheduler.result.failed[READER.key]
    assert "run again" not in scheduler.result.failed[READER.key]


@pytest.mark.parametrize("host", ["", "bad"])
def test_an_artifact_that_cannot_be_checked_fails_its_reader_and_no_other_stage(
    store: Store, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """The driver's mount of the store has failed for one file, say."""

    def check(one: Artifact) -> None:
        raise unreadable(one.path / "body.safetensors", OSError(5, "Input/output error"))

    monkeypatch.setattr(Artifact, "check_digests", check)
    other = Stage("toy", 1, {"n": 2}, label="other")
    scheduler = Scheduler(store, Plan.of([ENCODER, READER, other]), ignore_events)
    for _ in range(1 if host else 2):
        find_damage(scheduler, host)
    scheduler.fail_refused([host] if host else ())
    problem = scheduler.result.failed[READER.key]
    assert "body differs, and" in problem
    assert "body.safetensors cannot be read: Input/output error" in problem
    assert (store.has(ENCODER.key), store.names("damaged")) == (True, [])
    assert scheduler.next_stage("", (), host) == other
    scheduler.receive({**done(other), "key": other.key}, host)
    assert scheduler.is_finished
    assert scheduler.result.exit_code == 3


OTHER = Stage("toy", 1, {"n": 2}, label="other")


def finish_other(scheduler: Scheduler) -> None:
    """The stage that needs nothing runs, and nothing else is left."""
    assert scheduler.next_stage("", ()) == OTHER
    scheduler.receive({**done(OTHER), "key": OTHER.key})
    assert scheduler.is_finished
    assert scheduler.result.done == [OTHER.key]
    assert scheduler.result.exit_code == StoreError.exit_code


def test_a_damaged_artifact_that_cannot_be_moved_fails_its_readers_and_no_other_stage(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, name: str) -> str:
        raise to_store_error(PermissionError(13, "Permission denied"), store.root)

    monkeypatch.setattr(store, "set_aside", refuse)
    (store.artifact(ENCODER.key) / "body.safetensors").write_text("weighty")
    second = Stage("toy", 1, {"n": 3}, {"encoder": ENCODER.key}, "second reader")
    scheduler = Scheduler(store, Plan.of([ENCODER, READER, second, OTHER]), ignore_events)
    readers = [scheduler.next_stage("", ()) for _ in range(2)]
    assert readers == [READER, second]
    damage = {"event": "damaged", "damaged": ENCODER.key, "problem": "it differs\n  → run again"}
    for stage in (READER, second):
        scheduler.receive({**damage, "key": stage.key})
        problem = scheduler.result.failed[stage.key]
        assert problem.startswith("it differs, and cannot be moved to damaged/: ")
        assert "Permission denied" in problem
    finish_other(scheduler)


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("dropped", [True, False])
def test_an_unreadable_manifest_fails_its_stage_and_no_other_stage(
    store: Store, monkeypatch: pytest.MonkeyPatch, begun: bool, dropped: bool
) -> None:
    """The run has begun before, and looks at the store again as another input is damaged."""
    source = Stage("source", 1, {}, label="source")
    with store.staging(source.key) as folder:
        store.publish(source, folder, {}, {})
    again = Stage("toy", 1, {"n": 4}, {"source": source.key}, "again")
    plan = Plan.of([source, ENCODER, again, READER, OTHER])
    scheduler = Scheduler(store, plan, ignore_events)
    assert scheduler.next_stage("", ()) == again
    if dropped:
        drop(store.artifact(ENCODER.key), [], "a test")
    read = artifact.read_file

    def refuse(path: str) -> bytes:
        if path == f"{store.artifact(ENCODER.key).folder}/{MANIFEST}":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(artifact, "read_file", refuse)
    if begun:
        store.artifact(source.key).path.joinpath(MANIFEST).write_text("{}")
        damage = {"event": "damaged", "damaged": source.key, "problem": "it differs"}
        scheduler.receive({**damage, "key": again.key})
        assert scheduler.next_stage("", ()) == source
        scheduler.receive({**FAILED, "key": source.key})
    else:
        scheduler = Scheduler(store, Plan.of([ENCODER, READER, OTHER]), ignore_events)
    assert "Permission denied" in scheduler.result.failed[ENCODER.key]
    assert scheduler.result.skipped[READER.key] == "encoder failed"
    finish_other(scheduler)


def test_damage_of_what_no_stage_of_the_plan_makes_fails_its_reader(store: Store) -> None:
    scheduler = Scheduler(store, Plan.of([ENCODER, READER]), ignore_events)
    find_damage(scheduler, damaged="0" * 64)
    assert scheduler.result.failed.keys() == {READER.key}
    assert store.has(ENCODER.key)


def test_an_input_that_is_damaged_after_each_rebuild_ends_the_run(tmp_path: Path) -> None:
    encoder = Stage("encoder", 1, {}, label="encoder")
    reader = Stage("toy", 1, {}, {"encoder": encoder.key}, "reader")
    store = Store(tmp_path).prepare()
    scheduler = Scheduler(store, Plan.of([encoder, reader]), ignore_events)
    damage = {"event": "damaged", "damaged": encoder.key, "problem": "it differs"}

    def run() -> None:
        for _ in range(9):
            stage = scheduler.next_stage("", ())
            assert stage
            message = damage if stage == reader else done(stage)
            scheduler.receive({**message, "key": stage.key})

    with pytest.raises(StoreError, match="rebuilt"):
        run()
