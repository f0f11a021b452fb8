"""Dropped artifacts: marked before files go, done until somebody needs them again."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import pytest

from xstilts.core import fault_injection
from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.dropped import (
    DROPPED,
    WHY_AGAIN,
    differing_files,
    drop,
    dropped_files,
    finish_drop,
    is_dropped,
    kept_files,
)
from xstilts.core.fault_injection import DROP_POINTS
from xstilts.core.notices import notices_to
from xstilts.core.plan import Plan, StageState
from xstilts.core.stage import Stage
from xstilts.core.store import Store

WEIGHTS = "body.safetensors"
ENCODER = Stage("encoder", 1, {}, label="encoder")
FIRST = Stage("train", 1, {"task": "a"}, {"encoder": ENCODER.key}, label="first")
SECOND = Stage("train", 1, {"task": "b"}, {"base": FIRST.key}, label="second")
SCORE = Stage("score", 1, {}, {"model": SECOND.key}, label="score")
OTHER = Stage("score", 1, {"other": 1}, {"model": SECOND.key}, label="other")
STAGES = (ENCODER, FIRST, SECOND, SCORE)


def publish(store: Store, stage: Stage, weights: str = "weights") -> Artifact:
    with store.staging(stage.key) as folder:
        (folder / WEIGHTS).write_text(weights)
        (folder / "heads.safetensors").write_text("heads")
        (folder / "log.json").write_text("{}")
        return store.publish(stage, folder, {"steps": 3}, {"seconds": 2.0})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    for stage in STAGES:
        publish(store, stage)
    return store


def drop_weights(store: Store, *stages: Stage) -> int:
    names = (WEIGHTS, "heads.safetensors")
    return sum(drop(store.artifact(stage.key), names, "test") for stage in stages)


def todo(plan: Plan, store: Store) -> dict[str, str]:
    """Label → why, of stages to do."""
    return {
        plan.by_key[key].label: status.why
        for key, status in plan.statuses(store).items()
        if status.state is StageState.TODO
    }


def test_a_dropped_artifact_keeps_facts_and_small_files(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert drop_weights(store, FIRST) == len("weights") + len("heads")
    artifact = store.get_finished(FIRST.key)
    assert artifact
    assert artifact.facts == {"steps": 3}
    assert store.read(FIRST.key, "log.json") == b"{}"
    assert kept_files(artifact) == ["log.json"]
    assert dropped_files(artifact) == [WEIGHTS, "heads.safetensors"]
    assert not store.has(FIRST.key)
    assert not caplog.records


def test_dropped_stages_are_done_until_a_stage_to_do_needs_them(store: Store) -> None:
    drop_weights(store, FIRST, SECOND)
    assert todo(Plan(STAGES), store) == {}
    again = {"first": WHY_AGAIN, "second": WHY_AGAIN, "other": "never run"}
    assert todo(Plan((*STAGES, OTHER)), store) == again


def test_the_seconds_of_a_stage_that_must_run_again_are_known(store: Store) -> None:
    before = Plan(STAGES).statuses(store)[FIRST.key].seconds
    drop_weights(store, FIRST, SECOND)
    again = Plan((*STAGES, OTHER)).statuses(store)[FIRST.key]
    assert (again.state, again.seconds) == (StageState.TODO, before)
    assert before > 0


def test_a_dropped_stage_is_not_run_for_a_complete_one(store: Store) -> None:
    drop_weights(store, FIRST)
    assert todo(Plan((*STAGES, OTHER)), store) == {"other": "never run"}


def test_a_stage_that_runs_again_replaces_its_dropped_artifact(store: Store) -> None:
    drop_weights(store, FIRST)
    publish(store, FIRST)
    assert store.has(FIRST.key)
    assert not is_dropped(store.artifact(FIRST.key))
    store.artifact(FIRST.key).check_digests()
    assert store.names("damaged") == []
    assert store.names("staging") == []


@pytest.mark.parametrize(("weights", "differing"), [("weights", []), ("other", [[WEIGHTS]])])
def test_files_that_differ_when_a_stage_runs_again_are_named(
    store: Store, weights: str, differing: list[list[str]]
) -> None:
    drop_weights(store, FIRST)
    shown = list[str]()
    with notices_to(shown.append):
        publish(store, FIRST, weights)
    records = store.journal.read_from(0)[0]
    assert [record["files"] for record in records if record["event"] == "differs"] == differing
    assert [text.partition(":")[0] for text in shown] == [", ".join(names) for names in differing]


def test_a_file_that_only_the_second_run_writes_is_not_named(store: Store) -> None:
    drop_weights(store, FIRST)
    again = {**store.artifact(FIRST.key).manifest["files"], "new.bin": {"bytes": 1, "sha256": ""}}
    assert differing_files(store.artifact(FIRST.key), again) == []


@pytest.mark.parametrize("point", DROP_POINTS)
def test_an_interrupted_drop_leaves_a_complete_or_a_dropped_artifact(
    store: Store, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setattr(fault_injection, "_passes", Counter())
    monkeypatch.setenv("XSTILTS_FAULT", f"{point}:oom")
    with pytest.raises(MemoryError):
        drop_weights(store, FIRST)
    artifact = store.artifact(FIRST.key)
    assert store.has(FIRST.key) is (point == "drop.before_marker")
    if is_dropped(artifact):
        finish_drop(artifact)
        assert sorted(path.name for path in artifact.path.iterdir()) == sorted(
            (DROPPED, "log.json", "manifest.json")
        )
    assert todo(Plan(STAGES), store) == {}


def test_a_damaged_marker_is_named_and_removes_nothing(store: Store) -> None:
    drop_weights(store, FIRST)
    artifact = publish(store, SECOND)
    (artifact / DROPPED).write_bytes((store.artifact(FIRST.key) / DROPPED).read_bytes()[:-9])
    with pytest.raises(DamagedArtifact, match=DROPPED):
        finish_drop(artifact)
    assert (artifact / WEIGHTS).is_file()


@pytest.mark.parametrize("text", ["[]", "1", "{}", '{"files": 1}', "[" * 9999, ""])
def test_a_marker_of_another_shape_is_damage(store: Store, text: str) -> None:
    artifact = publish(store, FIRST)
    (artifact / DROPPED).write_text(text)
    with pytest.raises(DamagedArtifact, match=DROPPED):
        dropped_files(artifact)


def test_a_dropped_artifact_with_a_damaged_manifest_is_to_do(store: Store) -> None:
    drop_weights(store, FIRST)
    (store.artifact(FIRST.key) / "manifest.json").write_text("{")
    assert todo(Plan(STAGES), store) == {"first": "its artifact is damaged"}
