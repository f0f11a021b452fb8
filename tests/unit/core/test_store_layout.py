"""A folder that is not a store is refused, and only what a store has made is removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.core.atomic_io import write_text
from xstilts.core.errors import StoreError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.store_layout import LAYOUT, MARKER, foreign_entries
from xstilts.training.checkpoint import Checkpoints

STAGE = Stage("prepare", 1, {"a": 1})
KEY = STAGE.key


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def precious(folder: Path) -> Path:
    """A folder of the user's with a file."""
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "thesis.txt").write_text("years of work")
    return folder


def published(root: Path) -> Store:
    store = Store(root).prepare()
    with store.staging(KEY) as staged:
        (staged / "rows").write_text("rows")
        store.publish(STAGE, staged, {}, {})
    return store


@pytest.mark.parametrize(
    "name",
    ["thesis", "staging/project.git", "checkpoints/step-1", "artifacts/model", "locks/a.lock"],
)
def test_a_folder_with_anything_else_is_refused_and_unchanged(tmp_path: Path, name: str) -> None:
    root = tmp_path / "proj"
    (root / "artifacts").mkdir(parents=True)
    precious(root / name)
    before = tree(root)
    with pytest.raises(StoreError, match=name):
        Store(root).prepare()
    assert tree(root) == before


@pytest.mark.parametrize("names", [["staging"], ["experiments", "studies"], ["artifacts.txt"]])
def test_a_folder_without_artifacts_is_no_store(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / "proj" / name).mkdir(parents=True)
    with pytest.raises(StoreError):
        Store(tmp_path / "proj").check()


def test_a_new_store_and_an_empty_folder_get_the_marker(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new/deep", "empty"):
        store = Store(tmp_path / name).prepare()
        assert json.loads((store.root / MARKER).read_text()) == {"layout": LAYOUT}
        assert store.prepare().check() is store


def test_a_store_without_the_marker_is_recognised_and_marked(tmp_path: Path) -> None:
    store = published(tmp_path / "store")
    (store.root / MARKER).unlink()
    assert list(foreign_entries(store.root)) == []
    store.check()
    assert not (store.root / MARKER).exists()
    assert store.prepare().has(KEY)
    assert (store.root / MARKER).is_file()


def test_a_store_without_the_marker_may_hold_reports(tmp_path: Path) -> None:
    store = published(tmp_path / "store")
    (store.root / MARKER).unlink()
    (store.root / "report.html").write_text("a report")
    assert store.prepare().has(KEY)
    assert (store.root / "report.html").is_file()


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_a_folder_of_a_keys_name_is_no_artifact(tmp_path: Path, text: str | None) -> None:
    root = precious(tmp_path / "proj")
    (root / "artifacts" / KEY).mkdir(parents=True)
    if text is not None:
        (root / "artifacts" / KEY / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match="deep"):
        Store(root).prepare()


def test_a_marked_store_may_hold_other_files(tmp_path: Path) -> None:
    store = published(tmp_path / "store")
    precious(store.root / "notes")
    assert store.prepare().has(KEY)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"layout": "two"}'])
def test_a_damaged_marker_still_marks(tmp_path: Path, text: str) -> None:
    store = published(tmp_path / "store")
    (store.root / MARKER).write_text(text)
    assert store.prepare().has(KEY)


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = published(tmp_path / "store")
    (store.root / MARKER).write_text(json.dumps({"layout": LAYOUT + 1}))
    with pytest.raises(StoreError, match="newer version"):
        store.prepare()


FOREIGN = [
    *("staging/project.git", "staging/backup.1", "staging/a.b", f"staging/{KEY}", "staging/x.1234"),
    *(f"staging/{KEY}.old", f"staging/{KEY.upper()}.1", "checkpoints/mine", "checkpoints/step-3"),
    *(f"checkpoints/{KEY}.bak", f"checkpoints/{KEY[:63]}", "locks/mine", "damaged/mine"),
    *("features/mine", "artifacts/mine", "experiments/mine", "tracking/mine", "studies/a/b"),
    *("features/staging/x.1", "features/checkpoints/x"),
]


@pytest.mark.parametrize("name", FOREIGN)
def test_cleanup_keeps_folders_with_other_names(tmp_path: Path, name: str) -> None:
    store = published(tmp_path / "store")
    precious(store.root / name)
    before = tree(store.root / name)
    store.prepare().cleanup()
    assert tree(store.root / name) == before


def test_cleanup_keeps_files_under_a_name_of_its_own(tmp_path: Path) -> None:
    store = published(tmp_path / "store")
    names = (f"staging/{KEY}.1", f"checkpoints/{KEY}")
    for name in names:
        (store.root / name).write_text("a file")
    assert store.cleanup() == 0
    assert all((store.root / name).is_file() for name in names)


def link_folder(store: Store, outside: Path) -> None:
    """The swept folder itself is a link."""
    for name in ("staging", "checkpoints"):
        (store.root / name).rmdir()
        (store.root / name).symlink_to(outside)


def link_entry(store: Store, outside: Path) -> None:
    """An entry under a name of the store's is a link."""
    (store.root / "staging" / f"{KEY}.1").symlink_to(outside)
    (store.root / "checkpoints" / KEY).symlink_to(outside)


def link_inside(store: Store, outside: Path) -> None:
    """A folder of the store's contains a link."""
    for name in (f"staging/{KEY}.1", f"checkpoints/{KEY}"):
        (store.root / name).mkdir()
        (store.root / name / "link").symlink_to(outside)


def link_features(store: Store, outside: Path) -> None:
    """The store of features is a link."""
    (outside / MARKER).write_text("")
    (outside / "staging" / f"{KEY}.1").mkdir(parents=True)
    (store.root / "features").symlink_to(outside)


@pytest.mark.parametrize("link", [link_folder, link_entry, link_inside, link_features])
def test_no_link_is_followed_to_remove_something(
    tmp_path: Path, link: Callable[[Store, Path], None]
) -> None:
    store = published(tmp_path / "store")
    outside = precious(tmp_path / "outside")
    (outside / f"{KEY}.1").mkdir()
    (outside / KEY / "step-1").mkdir(parents=True)
    link(store, outside)
    before = tree(outside)
    store.prepare().cleanup()
    with store.staging(STAGE.key) as staged:
        (staged / "rows").write_text("rows")
        store.publish(STAGE, staged, {}, {})
    assert tree(outside) >= before


def test_publishing_keeps_what_a_linked_checkpoint_folder_points_to(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").prepare()
    outside = precious(tmp_path / "outside")
    store.checkpoint_path(KEY).symlink_to(outside)
    with store.staging(KEY) as staged:
        store.publish(STAGE, staged, {}, {})
    assert (outside / "deep" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["step-", "step-x", "step-01", "step-1.bak", "notes"])
def test_checkpoints_leave_folders_with_other_names(tmp_path: Path, name: str) -> None:
    precious(tmp_path / name)
    assert Checkpoints(tmp_path).newest() == (None, [])
    assert (tmp_path / name / "deep" / "thesis.txt").is_file()


def test_a_temporary_file_is_not_written_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "thesis.txt"
    outside.write_text("years of work")
    monkeypatch.setattr("xstilts.core.atomic_io.unique_number", lambda: "7")
    (tmp_path / ".record.json.7").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        write_text(tmp_path / "record.json", "{}")
    assert outside.read_text() == "years of work"


def test_a_file_or_a_dangling_link_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(StoreError, match="not a folder"):
            Store(tmp_path / name).check()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_in_the_position_of_a_folder_is_named(tmp_path: Path) -> None:
    store = published(tmp_path / "store")
    (store.root / "staging").rmdir()
    (store.root / "staging").write_text("mine")
    with pytest.raises(StoreError, match="staging is not a folder"):
        store.prepare()


def test_commands_that_read_a_store_do_not_ask_for_an_empty_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for read in (xstilts.status, xstilts.store_size, xstilts.store_pins, _all_results):
        with pytest.raises(StoreError, match=r"thesis\.txt") as error:
            read(tmp_path)
        assert "empty" not in str(error.value.todo)
        assert "--store" in str(error.value.todo)


def _all_results(root: Path) -> object:
    return xstilts.results(None, root)
