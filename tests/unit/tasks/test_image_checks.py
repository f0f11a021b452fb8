"""Prepared rows name their images by digest; images that cannot be used are named and counted."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from xstilts.core.errors import DataError
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.stages.io.rows import read_rows
from xstilts.tasks import image_checks
from xstilts.tasks.data_check import SplitState, check_split
from xstilts.tasks.image_checks import FRAMES, SAME_IMAGE, CheckedImage, ImageChecks
from xstilts.tasks.io import image_files
from xstilts.tasks.row_problems import KEPT_PROBLEMS, PROBLEMS
from xstilts.testing.pictures import picture_stage, picture_task, write_picture_texts

COUNT = 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(image_files, "FRESH", 0.0)
    (tmp_path / "pictures").mkdir()
    for number in range(COUNT):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"pictures/{number}.png")
    write_picture_texts(tmp_path, range(COUNT))
    return tmp_path


def prepared(folder: Path, limit: int | None = None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows and facts of a stage that prepares the pictures."""
    store = Store(folder / "store").prepare()
    artifact = execute_stage(store, picture_stage(folder, limit), lambda _: None)
    notes = artifact.manifest["provenance"]["notes"]
    return read_rows(artifact / "rows.parquet"), {**artifact.facts, "notes": notes}


def test_rows_have_the_digests_of_their_images(folder: Path) -> None:
    rows, facts = prepared(folder)
    assert len(rows) == facts["rows"] == COUNT
    assert not facts[PROBLEMS]
    for row in rows:
        (name,) = row["images"]
        data = (folder / f"pictures/{name}.png").read_bytes()
        assert row["image_digests"] == [hashlib.sha256(data).hexdigest()]
        assert row["image_source"] == "pics train"


def test_large_folders_with_the_same_names_and_sizes_have_their_own_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "HASHED", 0)
    digests = set()
    for split, colour in (("train", "red"), ("test", "blue")):
        (tmp_path / split).mkdir()
        Image.new("RGB", (8, 6), colour).save(tmp_path / split / "1.ppm")
        checks = ImageChecks(image_files.FolderImages(tmp_path / split))
        checks.read(["1"])
        result = checks.results["1"]
        assert isinstance(result, CheckedImage)
        digests.add(result.digest)
    assert len(digests) == 2


def bomb() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    return buffer.getvalue()


def animation() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "blue")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, image_files.MISSING),
    "empty": (lambda path: path.write_bytes(b""), "not an image"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:45]), "damaged image"),
    "bomb": (lambda path: path.write_bytes(bomb()), "image with too many pixels"),
    "text": (lambda path: path.write_text("hello"), "not an image"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_image_that_cannot_be_used_is_named_and_counted(folder: Path, name: str) -> None:
    change, problem = BAD[name]
    change(folder / "pictures/7.png")
    rows, facts = prepared(folder)
    assert len(rows) == COUNT - 1
    assert facts[PROBLEMS] == {problem: 1}
    (note,) = facts["notes"]
    assert "pictures/7" in note
    assert "train-en.jsonl:8" in note


def test_a_path_out_of_the_folder_is_named_and_counted(folder: Path) -> None:
    write_picture_texts(folder, [*range(COUNT - 1), "../store/x"])
    rows, facts = prepared(folder)
    assert len(rows) == COUNT - 1
    assert facts[PROBLEMS] == {image_files.OUTSIDE: 1}


def test_the_same_image_under_two_ids_is_one_image(folder: Path) -> None:
    (folder / "pictures/3.png").write_bytes((folder / "pictures/4.png").read_bytes())
    rows, facts = prepared(folder)
    assert len(rows) == COUNT
    assert facts[KEPT_PROBLEMS] == {SAME_IMAGE: 1}
    names = {row["image_digests"][0]: row["images"][0] for row in rows}
    assert all(names[row["image_digests"][0]] == row["images"][0] for row in rows)
    assert len(names) == COUNT - 1
    (note,) = facts["notes"]
    assert "3 and 4" in note or "4 and 3" in note


def test_an_animation_is_counted_and_kept(folder: Path) -> None:
    (folder / "pictures/3.png").write_bytes(animation())
    assert prepared(folder)[1][KEPT_PROBLEMS] == {FRAMES: 1}


def test_too_many_bad_images_stop_the_run(folder: Path) -> None:
    for number in range(5):
        (folder / f"pictures/{number}.png").unlink()
    with pytest.raises(DataError, match=f"5 of {COUNT} rows have images") as raised:
        prepared(folder)
    assert "pictures/0" in str(raised.value)


def test_languages_with_the_same_images_read_them_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = prepared(folder)[0]
    monkeypatch.setattr(image_files.FolderImages, "read", None)
    store = Store(folder / "other").prepare()
    artifact = execute_stage(store, picture_stage(folder), lambda _: None)
    assert read_rows(artifact / "rows.parquet") == rows


def test_a_limit_is_filled_with_rows_whose_images_can_be_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(folder, 30)[0]
    (folder / f"pictures/{first[0]['images'][0]}.png").unlink()
    read = list[str]()

    def counted(source: image_files.FolderImages, image_id: str) -> bytes:
        read.append(image_id)
        return original(source, image_id)

    original = image_files.FolderImages.read
    monkeypatch.setattr(image_files.FolderImages, "read", counted)
    rows = prepared(folder, 30)[0]
    assert len(rows) == 30
    assert [row["id"] for row in rows[:29]] == [row["id"] for row in first[1:]]
    assert len(read) == 31  # of another state of the folder


def test_rows_do_not_depend_on_how_many_images_are_read_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pictures/9.png").unlink()
    rows = prepared(folder, 50)[0]
    monkeypatch.setattr(image_checks, "WINDOW", 7)
    store = Store(folder / "other").prepare()
    artifact = execute_stage(store, picture_stage(folder, 50), lambda _: None)
    assert read_rows(artifact / "rows.parquet") == rows


def test_a_changed_image_changes_the_key(folder: Path) -> None:
    before = picture_stage(folder).key
    Image.new("RGB", (8, 6), "white").save(folder / "pictures/9.png")
    assert picture_stage(folder).key != before


def test_the_data_check_reads_images(folder: Path) -> None:
    report = check_split(picture_task(folder), "train", "en")
    assert (report.state, report.rows, report.counts) == (SplitState.FOUND, COUNT, {})
    (folder / "pictures/30.png").write_bytes((folder / "pictures/31.png").read_bytes())
    report = check_split(picture_task(folder), "train", "en")
    assert (report.rows, report.images) == (COUNT, COUNT - 1)
    (folder / "pictures/30.png").unlink()
    report = check_split(picture_task(folder), "train", "en")
    assert (report.rows, report.images) == (COUNT - 1, COUNT - 1)
    Image.new("RGB", (8, 6), "white").save(folder / "pictures/30.png")
    for number in range(2):
        (folder / f"pictures/{number}.png").write_bytes(b"")
    report = check_split(picture_task(folder), "train", "en")
    assert (report.state, report.counts) == (SplitState.FOUND, {"not an image": 2})
    for number in range(2, 10):
        (folder / f"pictures/{number}.png").unlink()
    report = check_split(picture_task(folder), "train", "en")
    assert report.state is SplitState.BROKEN
    assert report.why.startswith(f"10 of the first {COUNT} rows")


def test_the_data_check_misses_a_folder_with_images(folder: Path) -> None:
    (folder / "pictures").rename(folder / "elsewhere")
    report = check_split(picture_task(folder), "train", "en")
    assert report.state is SplitState.MISSING
    assert "pictures" in report.why
