"""Damage of an artifact is detected, and an error of the operating system is no damage."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.artifact import MANIFEST, Artifact, DamagedArtifact, checked_manifest
from xstilts.core.errors import StoreError
from xstilts.core.hashing import DIGEST, with_digest
from xstilts.core.stage import Stage
from xstilts.core.store import Store

STAGE, OTHER = Stage("score", 1, {"a": 1}), Stage("score", 1, {"a": 2})
FACTS = {"scores": {"accuracy": {"value": 0.5, "n": 10}}, "loss": float("nan"), "by": {1: "x"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    for stage in (STAGE, OTHER):
        with store.staging(stage.key) as folder:
            (folder / "rows").write_text("hello")
            store.publish(stage, folder, FACTS, {"seconds": 1.0})
    return store


def test_seconds_of_several_devices_are_added_up(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    provenance = {"seconds": 3.0, "processor_seconds": 2.0, "devices": 4}
    with store.staging(STAGE.key) as folder:
        store.publish(STAGE, folder, FACTS, provenance)
    assert store.artifact(STAGE.key).seconds == 12.0


def edit(artifact: Artifact, change: Callable[[dict[str, Any]], object]) -> None:
    path = artifact / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "3", '"a"', "{}", '{"key": 1}', "[" * 9999]
)
def test_an_invalid_manifest_is_damage_and_no_crash(store: Store, text: str) -> None:
    (store.artifact(STAGE.key) / MANIFEST).write_text(text)
    assert store.get_valid(STAGE.key) is None
    assert store.get_valid(OTHER.key)


def test_a_manifest_in_another_artifacts_folder_is_not_believed(store: Store) -> None:
    shutil.rmtree(store.artifact(STAGE.key).path)
    shutil.copytree(store.artifact(OTHER.key).path, store.artifact(STAGE.key).path)
    assert not store.has(STAGE.key)
    with pytest.raises(DamagedArtifact, match=OTHER.key[:12]):
        store.artifact(STAGE.key).check_digests()


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["facts"]["scores"]["accuracy"].update(value=0.9),
        lambda manifest: manifest["facts"].clear(),
        lambda manifest: manifest["files"]["rows"].update(sha256="0" * 64),
        lambda manifest: manifest["provenance"].update(seconds=99),
        lambda manifest: manifest["stage"]["params"].update(a=2),
    ],
)
def test_an_edited_manifest_is_detected(store: Store, change: Callable[..., object]) -> None:
    edit(store.artifact(STAGE.key), change)
    assert not store.has(STAGE.key)


def test_a_manifest_of_an_earlier_version_needs_no_digest(store: Store) -> None:
    edit(store.artifact(STAGE.key), lambda manifest: manifest.pop(DIGEST))
    assert store.artifact(STAGE.key).facts["scores"] == FACTS["scores"]
    assert store.has(STAGE.key)


@pytest.mark.parametrize("name", ["../rows", "/etc/passwd", "a/../../rows"])
def test_a_manifest_cannot_name_files_outside_its_folder(store: Store, name: str) -> None:
    def rename(manifest: dict[str, Any]) -> None:
        del manifest[DIGEST]
        manifest["files"] = {name: manifest["files"]["rows"]}

    edit(store.artifact(STAGE.key), rename)
    assert not store.has(STAGE.key)


@pytest.mark.parametrize("file", ["rows", MANIFEST])
def test_an_error_of_the_system_is_an_error_and_no_damage(store: Store, file: str) -> None:
    path = store.artifact(STAGE.key) / file
    path.unlink()
    path.symlink_to(path.name)  # opening it fails: too many levels of links
    for read in (store.has, store.get_valid, lambda key: store.read(key, "rows")):
        with pytest.raises(StoreError, match="cannot be read"):
            read(STAGE.key)
    assert list((store.root / "damaged").iterdir()) == []


def test_what_is_read_is_verified_and_damage_is_set_aside(store: Store) -> None:
    assert store.read(STAGE.key, "rows") == b"hello"
    (store.artifact(STAGE.key) / "rows").write_text("jello")
    assert store.has(STAGE.key)
    with pytest.raises(DamagedArtifact, match="differs"):
        store.read(STAGE.key, "rows")
    assert [path.name[:64] for path in (store.root / "damaged").iterdir()] == [STAGE.key]
    assert not store.has(STAGE.key)


def test_damage_is_logged_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    (store.artifact(STAGE.key) / "rows").unlink()
    with caplog.at_level(logging.WARNING):
        assert not store.has(STAGE.key)
        assert not store.has(STAGE.key)
        assert not store.has("0" * 64)
    assert [STAGE.key[:12] in record.getMessage() for record in caplog.records] == [True]


def test_a_manifest_of_another_stage_under_its_key_is_detected(store: Store) -> None:
    def pretend(manifest: dict[str, Any]) -> None:
        del manifest[DIGEST]
        manifest["stage"] = store.artifact(OTHER.key).manifest["stage"]

    edit(store.artifact(STAGE.key), pretend)
    with pytest.raises(DamagedArtifact, match="another stage"):
        store.artifact(STAGE.key).check_digests()


def test_damage_in_a_store_that_cannot_be_written_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("read-only")

    (store.artifact(STAGE.key) / "rows").write_text("jello")
    monkeypatch.setattr(store, "set_aside", refuse)
    with pytest.raises(StoreError, match=rf"(?s){STAGE.key[:12]}.*{STAGE.key}.*read-only"):
        store.read(STAGE.key, "rows")


@pytest.mark.parametrize("fact", ["\ud800", float("nan"), 0.1 + 0.2, 5e-324, 2**80, "ä\u2028"])
def test_facts_of_a_manifest_are_read_as_they_were_written(fact: Any) -> None:
    manifest = {"key": "k", "files": {}, "stage": {}, "provenance": {}, "facts": {"fact": fact}}
    data = json.dumps(with_digest(manifest)).encode()
    assert repr(checked_manifest("k", data)["facts"]["fact"]) == repr(fact)
    with pytest.raises(DamagedArtifact):
        checked_manifest("k", data.replace(b'"k"', b'"K"'))
