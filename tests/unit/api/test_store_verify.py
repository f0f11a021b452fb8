"""Verification of a store: every damaged file is named; a repair sets it aside, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.core.atomic_io import write_json
from xstilts.core.dropped import drop
from xstilts.core.errors import StoreError
from xstilts.core.hashing import digest_of, digest_of_file, with_digest
from xstilts.core.pins import Pins
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.study_stages import save_study_stages
from xstilts.testing.recorded_stores import publish, record, toy_stage

ROWS = toy_stage(1)
TRAINED = toy_stage(2, {"rows": ROWS.key})
FEATURES = Stage("features", 1, {}, {"rows": ROWS.key})
INTERRUPTED = toy_stage(3)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    publish(store, ROWS, {"rows.parquet": b"rows", "inner/part.bin": b"part"})
    publish(store, TRAINED, {"body.safetensors": b"weights", "log.json": b"{}"})
    publish(Store(store.root / "features").prepare(), FEATURES)
    record(store, "toy", [ROWS, TRAINED, INTERRUPTED])
    save_study_stages(store, "toy", "reasoning", Plan.of([ROWS]))
    write_json(
        store.root / "studies/toy/reasoning/answer.json", with_digest({"further_stages": []})
    )
    write_json(store.root / "plans" / "1.json", {"stages": [], "droppable": []})
    Pins(store.root).add("mine", [ROWS.key])
    checkpoint = store.checkpoint_path(INTERRUPTED.key) / "step-3"
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.safetensors").write_bytes(b"tensors")
    facts = {"key": INTERRUPTED.key, "step": 3, "facts": {}}
    facts["tensors"] = digest_of_file(checkpoint / "state.safetensors")
    write_json(checkpoint / "state.json", {**facts, "self": digest_of(facts)})
    return store


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def files(store: Store) -> list[Path]:
    kept = ("journal.jsonl", "xstilts-store.json")
    return sorted(p for p in store.root.rglob("*") if p.is_file() and p.name not in kept)


def test_a_store_as_it_was_written_has_no_damage(store: Store) -> None:
    result = xstilts.store_verify(store)
    assert not result.damaged
    assert not result.foreign
    assert result.bytes >= sum(path.stat().st_size for path in files(store))


@pytest.mark.parametrize("change", [flip, lambda data: b"", lambda data: data[: len(data) // 2]])
def test_every_damaged_file_is_named_and_set_aside(
    store: Store, change: Callable[[bytes], bytes]
) -> None:
    for path in files(store):
        data = path.read_bytes()
        path.write_bytes(change(data))
        (damage,) = xstilts.store_verify(store).damaged
        assert path.is_relative_to(store.root / damage.path)
        assert damage.problem
        assert damage.remedy
        path.write_bytes(data)
    for path in files(store):
        path.write_bytes(change(path.read_bytes()))
    repaired = xstilts.store_verify(store, repair=True).damaged
    assert all((store.root / damage.moved_to).exists() for damage in repaired)
    assert not xstilts.store_verify(store).damaged


def test_damage_names_the_experiments_that_need_it_and_the_time_to_make_it_again(
    store: Store,
) -> None:
    (store.root / "artifacts" / ROWS.key / "rows.parquet").write_bytes(b"rowz")
    result = xstilts.store_verify(store)
    (damage,) = result.damaged
    assert damage.needed_by == ("toy", "study toy/reasoning")
    assert damage.stage is not None
    assert damage.stage.label == "toy 1"
    assert "rows.parquet" in damage.problem


def test_a_damaged_artifact_that_nothing_needs_is_not_promised_again(store: Store) -> None:
    path = publish(store, toy_stage(9))
    (path / "file.bin").write_bytes(b"other")
    (damage,) = xstilts.store_verify(store).damaged
    assert not damage.needed_by
    assert "no experiment" in damage.remedy


def test_dropped_files_are_no_damage_and_the_others_are_read(store: Store) -> None:
    artifact = store.artifact(TRAINED.key)
    drop(artifact, ["body.safetensors"], "unneeded")
    assert not xstilts.store_verify(store).damaged
    (artifact.path / "log.json").write_bytes(b"[]")
    (damage,) = xstilts.store_verify(store).damaged
    assert "log.json" in damage.problem


def test_foreign_files_are_listed_and_stay(store: Store, tmp_path: Path) -> None:
    (store.root / "notes.txt").write_text("mine")
    (store.root / "artifacts" / "notes.txt").write_text("mine")
    (store.root / "artifacts" / ROWS.key / "extra").write_text("mine")
    (store.root / "damaged" / "link").symlink_to(tmp_path)
    result = xstilts.store_verify(store, repair=True)
    assert set(result.foreign) == {
        "notes.txt",
        "artifacts/notes.txt",
        f"artifacts/{ROWS.key}/extra",
        "damaged/link",
    }
    assert all((store.root / path).exists() for path in result.foreign)


def test_damaged_lines_of_the_journal_are_counted(store: Store) -> None:
    store.journal.write("done")
    with store.journal.path.open("ab") as file:
        file.write(b'{"cut\n')
    assert xstilts.store_verify(store).journal_lines == 1


def test_what_is_made_again_counts_inputs_that_were_dropped(store: Store) -> None:
    (store.artifact(TRAINED.key) / "log.json").write_bytes(b"[]")
    assert xstilts.store_verify(store).again == 1
    drop(store.artifact(ROWS.key), ["rows.parquet"], "unneeded")
    assert xstilts.store_verify(store).again == 2


def test_a_store_that_does_not_exist_is_not_called_intact(tmp_path: Path) -> None:
    verbs = xstilts.store_verify, xstilts.store_size, xstilts.store_garbage, xstilts.store_pins
    for verb in verbs:
        with pytest.raises(StoreError, match="absent"):
            verb(tmp_path / "absent")
