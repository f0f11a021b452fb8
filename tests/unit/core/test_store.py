"""Artifacts are complete or absent, and damage is detected."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.errors import StoreError
from xstilts.core.journal import Journal
from xstilts.core.stage import Stage
from xstilts.core.store import Store, store_errors

STAGE = Stage("prepare", 1, {"a": 1})


def publish(store: Store, text: str = "hello") -> Artifact:
    with store.staging(STAGE.key) as folder:
        (folder / "rows").write_text(text)
        return store.publish(STAGE, folder, {"rows": 1}, {})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def test_published_artifacts_are_found_with_their_facts(store: Store) -> None:
    assert not store.has(STAGE.key)
    artifact = publish(store)
    assert store.has(STAGE.key)
    assert store.keys() == [STAGE.key]
    assert store.artifact(STAGE.key).facts == {"rows": 1}
    artifact.check_digests()
    assert list((store.root / "staging").iterdir()) == []


def test_an_unpublished_stage_leaves_no_artifact(store: Store) -> None:
    def fail() -> None:
        with store.staging(STAGE.key) as folder:
            (folder / "rows").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.keys() == []
    assert list((store.root / "staging").iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "gone", "manifest"])
def test_an_artifact_with_missing_or_truncated_files_counts_as_absent(
    store: Store, damage: str
) -> None:
    artifact = publish(store)
    if damage == "cut":
        (artifact / "rows").write_text("hell")
    elif damage == "gone":
        (artifact / "rows").unlink()
    else:
        (artifact / "manifest.json").write_text("{")
    assert not store.has(STAGE.key)
    publish(store)
    assert store.has(STAGE.key)
    assert len(list((store.root / "damaged").iterdir())) == 1


def test_changed_bytes_of_equal_length_are_detected_by_digest(store: Store) -> None:
    artifact = publish(store)
    (artifact / "rows").write_text("jello")
    assert store.has(STAGE.key)
    with pytest.raises(DamagedArtifact, match="differs from"):
        store.artifact(STAGE.key).check_digests()


def test_the_first_of_two_writers_wins(store: Store) -> None:
    publish(store, "one")
    publish(store, "two")
    assert (store.artifact(STAGE.key) / "rows").read_text() == "one"


def test_abandoned_work_is_cleaned_up(store: Store) -> None:
    publish(store)
    idle, busy, unfinished = (digit * 64 for digit in "123")
    for key in (idle, busy):
        (store.root / "staging" / f"{key}.1").mkdir()
    store.checkpoint_path(STAGE.key).mkdir()
    store.checkpoint_path(unfinished).mkdir()
    with store.leases.hold(busy):
        assert store.cleanup() == 2
    assert [path.name for path in (store.root / "checkpoints").iterdir()] == [unfinished]
    assert [path.name for path in (store.root / "staging").iterdir()] == [f"{busy}.1"]


def test_a_full_disk_in_safetensors_is_a_store_error(store: Store) -> None:
    class SafetensorError(Exception):
        pass

    def fail() -> None:
        with store.staging(STAGE.key):
            raise SafetensorError("I/O error: No space left on device (os error 28)")

    with pytest.raises(StoreError, match="is full"):
        fail()


def test_a_full_disk_is_a_store_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_FAULT", "store.before_manifest:full")
    with pytest.raises(StoreError, match=r"disk of the store .* is full"):
        publish(store)
    monkeypatch.delenv("XSTILTS_FAULT")
    assert store.keys() == []
    publish(store)
    assert store.has(STAGE.key)


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file" / "store").prepare()


def test_a_file_of_the_store_that_cannot_be_written_is_named(store: Store) -> None:
    store.prepare()
    (store.root / "journal.jsonl").unlink(missing_ok=True)
    (store.root / "journal.jsonl").mkdir()
    with pytest.raises(StoreError) as caught, store_errors(store.root):
        Journal(store.root / "journal.jsonl").write("started", key="a")
    assert caught.value.where == str(store.root / "journal.jsonl")


def test_a_journal_survives_a_truncated_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.last(3) == []
    journal.write("started", key="a")
    with journal.path.open("a") as file:
        file.write('{"event": "do')
    assert [event["event"] for event in journal.read()] == ["started"]
