"""An exported store: exactly what an experiment's results need, verified, with nothing private."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

import xstilts
from xstilts.core.artifact import DamagedArtifact
from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.dropped import drop
from xstilts.core.errors import ConfigError, StoreError, UnknownNameError
from xstilts.core.hashing import with_digest
from xstilts.core.plan import Plan, StageState
from xstilts.core.private_text import without_paths
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.study_stages import save_study_stages
from xstilts.stages.io.prepared_inputs import INPUTS
from xstilts.stages.prepare import ROWS
from xstilts.testing.recorded_stores import publish, record, toy_stage

FOLDER = "/home/someone/my data"
TRAINED = Stage("train", 1, {"n": 1}, label="train toy", context={"folder": FOLDER})
SCORE = Stage("score", 1, {}, {"trained": TRAINED.key}, label=f"score {FOLDER}/dev.tsv")
OTHER = toy_stage(7)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    publish(store, TRAINED, {"body.safetensors": b"weights" * 99, "log.json": b"[]"})
    publish(store, SCORE, {"scores.json": b"{}", "statistics.parquet": b"x"})
    publish(store, OTHER)
    path = record(store, "toy", [TRAINED, SCORE])
    content = {**read_json(path), "experiment": {"data": FOLDER}, "text": f"data: {FOLDER}\n"}
    content.pop("self")
    write_json(path, with_digest(content))
    record(store, "other", [OTHER])
    return store


def test_an_export_has_the_results_and_nothing_of_other_experiments(
    store: Store, tmp_path: Path
) -> None:
    export = xstilts.store_export("toy", tmp_path / "shared", store)
    shared = Store(export.path)
    assert shared.keys() == sorted([TRAINED.key, SCORE.key])
    assert shared.read(SCORE.key, "scores.json") == b"{}"
    assert not (shared.artifact(TRAINED.key) / "body.safetensors").exists()
    assert (export.artifacts, export.left_out, export.missing) == (2, 1, [])
    statuses = Plan((TRAINED, SCORE)).statuses(shared)
    assert {status.state for status in statuses.values()} == {StageState.DONE}
    assert not xstilts.store_verify(shared).damaged
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_export_has_the_hashes_of_rows_without_the_rows(store: Store, tmp_path: Path) -> None:
    rows = Stage("prepare", 1, {}, label="prepare toy train")
    publish(store, rows, {ROWS: b"texts", INPUTS: b"hashes"})
    record(store, "rows", [rows])
    shared = Store(xstilts.store_export("rows", tmp_path / "shared", store).path)
    assert not (shared.artifact(rows.key) / ROWS).exists()
    assert shared.read(rows.key, INPUTS) == b"hashes"


def test_an_export_with_weights_has_every_file(store: Store, tmp_path: Path) -> None:
    export = xstilts.store_export("toy", tmp_path / "shared", store, weights=True)
    assert Store(export.path).has(TRAINED.key)
    assert export.left_out == 0


def test_a_part_of_a_chain_that_is_needed_again_is_to_do(store: Store, tmp_path: Path) -> None:
    shared = Store(xstilts.store_export("toy", tmp_path / "shared", store).path)
    further = Stage("score", 1, {"n": 2}, {"trained": TRAINED.key})
    statuses = Plan((TRAINED, SCORE, further)).statuses(shared)
    assert statuses[TRAINED.key].state is StageState.TODO


@pytest.mark.parametrize("name", ["shared", "shared.tar"])
def test_an_export_names_no_folder_of_this_machine(store: Store, tmp_path: Path, name: str) -> None:
    store.journal.write("done", host="somehost")
    xstilts.store_pin(["toy"], store, note="secret")
    xstilts.store_export("toy", tmp_path / name, store)
    if name.endswith(".tar"):
        with tarfile.open(tmp_path / name) as tar:
            members = tar.getmembers()
            assert all(member.uname == member.gname == "" for member in members)
            assert all(member.uid == member.gid == member.mtime == 0 for member in members)
            tar.extractall(tmp_path, filter="data")
    files = [path for path in (tmp_path / "shared").rglob("*") if path.is_file()]
    content = b"\n".join(path.read_bytes() for path in files)
    for private in (b"someone", b"/home", str(tmp_path).encode(), b"somehost", b"secret"):
        assert private not in content
    assert b"my data" in content
    assert not xstilts.store_verify(tmp_path / "shared").damaged
    assert (xstilts.store_size(tmp_path / "shared").experiments[0].name) == "toy"


def test_a_private_folder_in_a_file_that_cannot_be_changed_is_named(
    store: Store, tmp_path: Path
) -> None:
    leaking = toy_stage(8)
    publish(store, leaking, {"config.json": f'"{store.root}/encoder"'.encode()})
    record(store, "leaking", [leaking])
    export = xstilts.store_export("leaking", tmp_path / "shared", store)
    assert export.private == {f"artifacts/{leaking.key}/config.json": str(store.root)}


def test_an_export_replaces_nothing_and_exports_nothing_unknown(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    for target in (tmp_path / "mine", store.root / "inner"):
        with pytest.raises(ConfigError):
            xstilts.store_export("toy", target, store)
    with pytest.raises(UnknownNameError):
        xstilts.store_export("toi", tmp_path / "shared", store)
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize("name", ["statistics.parquet", "manifest.json"])
def test_a_damaged_artifact_is_not_exported(store: Store, tmp_path: Path, name: str) -> None:
    (store.artifact(SCORE.key) / name).write_bytes(b"y")
    with pytest.raises(DamagedArtifact, match=name):
        xstilts.store_export("toy", tmp_path / "shared", store)
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize(
    ("name", "data"), [("answer.json", b"{"), ("answer.json", b"[]"), ("table.csv", b"\xff")]
)
def test_a_damaged_file_of_a_study_is_named(
    store: Store, tmp_path: Path, name: str, data: bytes
) -> None:
    save_study_stages(store, "toy", "compare", Plan((TRAINED, SCORE)))
    (store.root / "studies" / "toy" / "compare" / name).write_bytes(data)
    with pytest.raises(StoreError, match=name):
        xstilts.store_export("toy", tmp_path / "shared", store)
    assert not (tmp_path / "shared").exists()


def test_a_study_or_record_whose_stages_are_unknown_is_named(store: Store, tmp_path: Path) -> None:
    save_study_stages(store, "toy", "compare", Plan((TRAINED, SCORE)))
    save_study_stages(store, "other", "compare", Plan((OTHER,)))
    (store.root / "studies" / "toy" / "compare" / "stages.json").write_text("{")
    with pytest.raises(StoreError, match="studies/toy/compare/stages.json"):
        xstilts.store_export("toy", tmp_path / "shared", store)
    assert xstilts.store_export("other", tmp_path / "shared", store).artifacts == 1
    (path,) = (store.root / "experiments").glob("other@*")
    path.write_text("{")
    with pytest.raises(StoreError, match=path.name):
        xstilts.store_export("other", tmp_path / "again", store)


def test_files_that_a_run_drops_meanwhile_are_left_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def copy_after_drop(source: Path, target: Path) -> None:
        if source.name == "body.safetensors":
            drop(store.artifact(TRAINED.key), [source.name], "another run needs the disk")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy_after_drop)
    export = xstilts.store_export("toy", tmp_path / "shared", store, weights=True)
    assert (export.artifacts, export.left_out) == (2, 1)
    assert Store(export.path).read(TRAINED.key, "log.json") == b"[]"
    assert not (Store(export.path).artifact(TRAINED.key) / "body.safetensors").exists()
    assert export.bytes == len(b"[]" + b"{}" + b"x")


def test_unfinished_stages_are_named(store: Store, tmp_path: Path) -> None:
    record(store, "toy", [toy_stage(9)])
    export = xstilts.store_export("toy", tmp_path / "shared", store)
    assert export.missing == ["toy 9"]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("/home/me/x.tsv", "x.tsv"),
        ("~/x.tsv", "x.tsv"),
        (r"C:\Users\me\x.tsv", "x.tsv"),
        ("in /home/me/x.tsv:3: no label", "in x.tsv:3: no label"),
        ("'/home/me/x.tsv'", "'x.tsv'"),
        ("in /home/some one/x", "in x"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("FacebookAI/xlm-roberta-base", "FacebookAI/xlm-roberta-base"),
        ("n/a, and/or/not", "n/a, and/or/not"),
    ],
)
def test_paths_are_replaced_by_their_last_name(text: str, cleaned: str) -> None:
    assert without_paths({"a": [text]}, ["/home/some one/x"]) == {"a": [cleaned]}
