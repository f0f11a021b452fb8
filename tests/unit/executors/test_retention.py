"""A run drops files that no recorded experiment needs, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from xstilts.core import fault_injection
from xstilts.core.dropped import is_dropped
from xstilts.core.fault_injection import DROP_POINTS
from xstilts.core.leases import Lease
from xstilts.core.pins import Pins
from xstilts.core.plan import Plan, StageState
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.events import Event, ignore_events
from xstilts.executors.scheduler import Scheduler
from xstilts.executors.worker import run_stage
from xstilts.planning.compile import ResultCell
from xstilts.planning.study_stages import save_study_stages

ENCODER = Stage("encoder", 1, {}, label="encoder")
FIRST = Stage("train", 1, {"task": "a"}, {"encoder": ENCODER.key}, label="first")
SECOND = Stage("train", 1, {"task": "b"}, {"base": FIRST.key}, label="second")
SCORE = Stage("score", 1, {}, {"model": SECOND.key}, label="score")
LATER = Stage("score", 1, {"later": 1}, {"model": SECOND.key}, label="later")
STAGES = (ENCODER, FIRST, SECOND, SCORE)
TRAININGS = frozenset({FIRST.key, SECOND.key})
CELL = ResultCell(
    "e", "a", "b", "xx", "test", 0, ("acc",), SCORE.key, (FIRST.key, SECOND.key), False
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def publish(store: Store, stage: Stage) -> None:
    with store.staging(stage.key) as folder:
        (folder / "body.safetensors").write_text(f"weights of {stage.label}")
        (folder / "log.json").write_text("{}")
        store.publish(stage, folder, {}, {"seconds": 1.0})


def record(store: Store, name: str, stages: Sequence[Stage], keep: str) -> None:
    """Write the record of an experiment, as earlier versions did: without a digest."""
    written = {
        "experiment": {"keep_weights": keep},
        "stages": [stage.to_json() for stage in stages],
        "cells": [asdict(CELL)] if SCORE in stages else [],
    }
    path = store.root / "experiments" / f"{name}@12345678.json"
    path.write_text(json.dumps(written))


def step(store: Store, scheduler: Scheduler) -> Stage | None:
    """Run the next stage of a driver."""
    if stage := scheduler.next_stage("", ()):
        publish(store, stage)
        scheduler.receive({"event": "done", "key": stage.key, "facts": {}, "seconds": 1.0})
    return stage


def run(store: Store, stages: Sequence[Stage], droppable: frozenset[str] = TRAININGS) -> list[str]:
    """Run a plan to its end; return the labels of the stages that were run."""
    scheduler = Scheduler(store, Plan(tuple(stages), droppable=droppable), ignore_events)
    labels = []
    while stage := step(store, scheduler):
        labels.append(stage.label)
    assert scheduler.is_finished
    return labels


def dropped(store: Store) -> set[str]:
    return {stage.label for stage in (*STAGES, LATER) if is_dropped(store.artifact(stage.key))}


def test_files_go_as_soon_as_every_stage_that_reads_them_is_done(store: Store) -> None:
    record(store, "own", STAGES, "none")
    scheduler = Scheduler(store, Plan(STAGES, droppable=TRAININGS), ignore_events)
    seen = []
    while step(store, scheduler):
        seen.append(dropped(store))
    assert seen == [set(), set(), {"first"}, {"first", "second"}]
    assert scheduler.result.freed == len("weights of first") + len("weights of second")
    assert (store.artifact(ENCODER.key) / "body.safetensors").is_file()


def test_a_run_without_droppable_stages_drops_nothing(store: Store) -> None:
    run(store, STAGES, frozenset())
    assert dropped(store) == set()


@pytest.mark.parametrize(
    ("keep", "stages", "gone"),
    [
        ("all", STAGES, set()),
        ("encoders", STAGES, {"second"}),
        ("none", STAGES, {"first", "second"}),
        ("none", (*STAGES, LATER), {"first"}),
    ],
    ids=["it keeps all", "it keeps encoders", "it needs nothing", "it has a stage to do"],
)
def test_what_another_recorded_experiment_needs_stays(
    store: Store, keep: str, stages: Sequence[Stage], gone: set[str]
) -> None:
    record(store, "own", STAGES, "none")
    record(store, "other", stages, keep)
    run(store, STAGES)
    assert dropped(store) == gone


def test_a_record_that_appears_during_the_run_is_heeded(store: Store) -> None:
    scheduler = Scheduler(store, Plan(STAGES, droppable=TRAININGS), ignore_events)
    for _ in range(3):
        step(store, scheduler)
    record(store, "other", STAGES, "all")
    step(store, scheduler)
    assert dropped(store) == {"first"}


@pytest.mark.parametrize(
    ("stages", "droppable", "gone"),
    [
        (STAGES, frozenset(), set()),
        (STAGES, TRAININGS, {"first", "second"}),
        ((*STAGES, LATER), TRAININGS, {"first"}),
    ],
    ids=["it keeps all", "it needs nothing", "it has a stage to do"],
)
def test_what_a_study_of_another_experiment_needs_stays(
    store: Store, stages: Sequence[Stage], droppable: frozenset[str], gone: set[str]
) -> None:
    record(store, "own", STAGES, "none")
    save_study_stages(store, "other", "reasoning", Plan(tuple(stages), droppable=droppable))
    run(store, STAGES)
    assert dropped(store) == gone


def test_a_study_list_of_an_earlier_version_keeps_what_is_still_read(store: Store) -> None:
    folder = store.root / "studies" / "other" / "reasoning"
    folder.mkdir(parents=True)
    stages = [stage.to_json() for stage in (*STAGES, LATER)]
    (folder / "stages.json").write_text(json.dumps({"version": 1, "stages": stages}))
    run(store, STAGES)
    assert dropped(store) == {"first"}
    run(store, (*STAGES, LATER))
    assert dropped(store) == {"first", "second"}


def test_a_damaged_record_does_not_stop_the_run(store: Store) -> None:
    (store.root / "experiments" / "other@12345678.json").write_text("{")
    run(store, STAGES)
    assert dropped(store) == {"first", "second"}


def test_a_later_stage_gets_the_files_that_it_needs(store: Store) -> None:
    run(store, STAGES)
    assert run(store, (*STAGES, LATER)) == ["first", "second", "later"]
    assert dropped(store) == {"first", "second"}


def test_files_stay_for_a_dropped_stage_that_another_experiment_runs_again(store: Store) -> None:
    run(store, STAGES)
    record(store, "other", (*STAGES, LATER), "none")
    other = Scheduler(store, Plan((*STAGES, LATER), droppable=TRAININGS), ignore_events)
    assert step(store, other) == FIRST
    assert run(store, STAGES) == []
    assert dropped(store) == {"second"}
    assert [stage.label for stage in iter(lambda: step(store, other), None)] == ["second", "later"]
    assert dropped(store) == {"first", "second"}


@pytest.mark.parametrize("stages", [STAGES, (*STAGES, LATER)], ids=["done", "with a later stage"])
def test_a_dropped_stage_with_a_damaged_manifest_is_run_again(
    store: Store, stages: Sequence[Stage]
) -> None:
    run(store, STAGES)
    (store.artifact(SECOND.key) / "manifest.json").write_text("{")
    later = [stage.label for stage in stages[len(STAGES) :]]
    assert run(store, stages) == ["first", "second", *later]
    assert dropped(store) == {"first", "second"}
    assert len(store.names("damaged")) == 1


def test_a_stage_that_another_driver_finished_and_dropped_is_not_run_again(store: Store) -> None:
    events: list[Event] = []
    slow = Scheduler(store, Plan(STAGES, droppable=TRAININGS), events.append)
    assert run(store, STAGES) == ["encoder", "first", "second", "score"]
    encoder = slow.next_stage("", ())
    assert encoder == ENCODER
    slow.receive({"event": "done", "key": ENCODER.key, "facts": {}, "seconds": 0.0})
    assert slow.next_stage("", ()) is None
    assert slow.is_finished
    assert {event.stage.label for event in events if event.kind == "done"} == {
        stage.label for stage in STAGES
    }


def test_a_stage_whose_input_was_dropped_meanwhile_gets_it_again(store: Store) -> None:
    """Only an experiment without a record can come to this."""
    run(store, STAGES, frozenset())
    other = Scheduler(store, Plan((*STAGES, LATER)), ignore_events)
    assert other.next_stage("", ()) == LATER
    run(store, STAGES)
    messages: list[dict[str, object]] = []
    run_stage(store, LATER, messages.append)
    assert messages[-1]["event"] == "damaged"
    other.receive(messages[-1])
    assert [stage.label for stage in iter(lambda: step(store, other), None)] == [
        *("first", "second", "later")
    ]
    assert store.names("damaged") == []


def test_files_of_a_pinned_stage_stay(store: Store) -> None:
    Pins(store.root).add("first", [FIRST.key])
    run(store, STAGES)
    assert dropped(store) == {"second"}


def test_files_of_a_stage_that_another_process_holds_stay(store: Store) -> None:
    run(store, STAGES, frozenset())
    lease = store.leases.take(FIRST.key)
    assert isinstance(lease, Lease)
    run(store, STAGES)
    assert dropped(store) == {"second"}


def test_the_rest_of_dropped_files_stays_while_another_process_holds_the_stage(
    store: Store,
) -> None:
    """It may be about to publish the artifact again: its files would be removed."""
    run(store, STAGES)
    rest = store.artifact(SECOND.key) / "body.safetensors"
    rest.write_text("rest")
    lease = store.leases.take(SECOND.key)
    assert isinstance(lease, Lease)
    run(store, STAGES)
    assert rest.exists()
    lease.path.unlink()
    run(store, STAGES)
    assert not rest.exists()


@pytest.mark.parametrize("point", DROP_POINTS)
def test_the_next_run_finishes_what_a_killed_one_began_to_drop(
    store: Store, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    run(store, STAGES, frozenset())
    monkeypatch.setattr(fault_injection, "_passes", Counter())
    monkeypatch.setenv("XSTILTS_FAULT", f"{point}:oom")
    with pytest.raises(MemoryError):
        run(store, STAGES)
    monkeypatch.delenv("XSTILTS_FAULT")
    states = {status.state for status in Plan(STAGES).statuses(store).values()}
    assert states == {StageState.DONE}
    assert run(store, STAGES) == []
    for stage in (FIRST, SECOND):
        assert not (store.artifact(stage.key) / "body.safetensors").exists()


def test_a_full_disk_while_dropping_does_not_end_the_run(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fault_injection, "_passes", Counter())
    monkeypatch.setenv("XSTILTS_FAULT", "drop.before_marker:full")
    assert run(store, STAGES) == ["encoder", "first", "second", "score"]
    assert dropped(store) == {"second"}
    assert "were not dropped" in caplog.text
