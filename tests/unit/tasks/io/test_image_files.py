"""Images are read from folders, ZIP and Parquet files by id, and from nowhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.core.errors import DataError, MissingDataError
from xstilts.tasks.image_source import ImageProblem, ImageSource
from xstilts.tasks.io import image_files
from xstilts.tasks.io.image_files import FolderImages, ZipImages
from xstilts.tasks.io.image_tables import HubImages, ParquetImages
from xstilts.tasks.io.images import NoImages, images_at, local_images


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(image_files, "FRESH", 0.0)
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "b.JPG", "sub/c.png"):
        (folder / name).write_bytes(name.encode())
    return folder


def problem_of(source: ImageSource, image_id: str) -> str:
    with pytest.raises(ImageProblem) as raised:
        source.read(image_id)
    return raised.value.problem


@pytest.mark.parametrize(
    ("image_id", "name"),
    [("a.png", "a.png"), ("a", "a.png"), ("b", "b.JPG"), ("sub/c", "sub/c.png")],
)
def test_an_id_is_a_path_with_or_without_suffix(folder: Path, image_id: str, name: str) -> None:
    assert FolderImages(folder).read(image_id) == name.encode()


@pytest.mark.parametrize(
    "image_id", ["../secret", "../secret.png", "sub/../../secret.png", "..\\secret.png", "a\0.png"]
)
def test_an_id_cannot_leave_its_folder(folder: Path, image_id: str) -> None:
    assert problem_of(FolderImages(folder), image_id) == image_files.OUTSIDE


def test_an_absolute_path_is_no_id(folder: Path) -> None:
    absolute = str(folder.parent / "secret.png")
    assert problem_of(FolderImages(folder), absolute) == image_files.OUTSIDE


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "elsewhere").symlink_to(folder.parent)
    (folder / "inside.png").symlink_to(folder / "a.png")
    assert problem_of(FolderImages(folder), "link") == image_files.OUTSIDE
    assert problem_of(FolderImages(folder), "elsewhere/secret.png") == image_files.OUTSIDE
    assert FolderImages(folder).read("inside") == b"a.png"


def test_a_missing_image_is_named(folder: Path) -> None:
    (folder / "broken.png").symlink_to(folder / "nothing.png")
    for image_id in ("z", "sub", "broken", "x" * 300):
        assert problem_of(FolderImages(folder), image_id) == image_files.MISSING
    assert problem_of(FolderImages(folder), " ") == "no image id"


def test_two_files_of_one_id_are_ambiguous(folder: Path) -> None:
    (folder / "a.webp").write_bytes(b"other")
    assert problem_of(FolderImages(folder), "a") == image_files.AMBIGUOUS
    assert FolderImages(folder).read("a.webp") == b"other"


@pytest.mark.parametrize("name", ["a.jfif", "plain"])
def test_a_file_that_the_fingerprint_does_not_cover_is_not_read(folder: Path, name: str) -> None:
    before = FolderImages(folder).fingerprint()
    (folder / name).write_bytes(b"an image")
    assert FolderImages(folder).fingerprint() == before
    assert problem_of(FolderImages(folder), name) == image_files.NO_SUFFIX


def test_a_file_without_suffix_does_not_hide_the_image_of_its_id(folder: Path) -> None:
    (folder / "a").write_bytes(b"notes")
    assert FolderImages(folder).read("a") == b"a.png"


def test_two_entries_of_one_id_are_ambiguous(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.jpg", "a.png", "b.JPG"):
            archive.writestr(name, name)
    assert problem_of(ZipImages(path), "a") == image_files.AMBIGUOUS
    assert ZipImages(path).read("b") == b"b.JPG"


def test_a_file_that_is_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MAX_BYTES", 4)
    assert problem_of(FolderImages(folder), "a") == image_files.TOO_LARGE


def test_the_fingerprint_of_a_folder_changes_with_its_images(folder: Path) -> None:
    before = FolderImages(folder).fingerprint()
    (folder / "notes.txt").write_text("not an image")
    assert FolderImages(folder).fingerprint() == before
    (folder / "a.png").write_bytes(b"z.png")
    changed = FolderImages(folder).fingerprint()
    (folder / "new.png").write_bytes(b"")
    assert len({before, changed, FolderImages(folder).fingerprint()}) == 3


def test_the_fingerprint_of_a_large_folder_has_names_and_sizes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "HASHED", 3)
    before = FolderImages(folder).fingerprint()
    (folder / "a.png").write_bytes(b"z.png")
    assert FolderImages(folder).fingerprint() == before
    (folder / "a.png").write_bytes(b"longer")
    assert FolderImages(folder).fingerprint() != before


def test_a_copied_folder_has_the_same_fingerprint(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "sub").mkdir(parents=True)
    for name in ("sub/c.png", "b.JPG", "a.png"):
        (copy / name).write_bytes(name.encode())
    assert FolderImages(copy).fingerprint() == FolderImages(folder).fingerprint()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("images/a.jpg", "images/b.png", "other/c.png"):
            file.writestr(name, name)
    return path


def test_images_of_a_zip_file_are_read_by_path(archive: Path) -> None:
    assert ZipImages(archive).read("images/a.jpg") == b"images/a.jpg"
    images = ZipImages(archive, "images/")
    assert images.read("a") == b"images/a.jpg"
    assert problem_of(images, "c") == image_files.MISSING
    assert problem_of(images, "../other/c.png") == image_files.OUTSIDE
    assert images.reading_order(["b.png", "x", "a.jpg"]) == ["a.jpg", "b.png", "x"]


def test_a_damaged_entry_of_a_zip_file_is_a_problem_of_its_image(archive: Path) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data.replace(b"images/a.jpgimages/a.jpg", b"images/a.jpgimages/x.jpg", 1))
    assert problem_of(ZipImages(archive), "images/a.jpg") == "unreadable image"
    assert ZipImages(archive).read("images/b.png") == b"images/b.png"
    archive.write_bytes(b"no zip")
    with pytest.raises(DataError, match="ZIP"):
        ZipImages(archive).read("a")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        {"meta": {"id": n}, "image": {"bytes": b"image %d" % n if n != 3 else None, "path": ""}}
        for n in (2, 0, 3, 1)
    ]
    path = tmp_path / "images.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    return path


def test_images_in_parquet_files_are_read_by_the_column_of_ids(table: Path) -> None:
    images = ParquetImages((table,), "meta.id")
    assert [images.read(str(n)) for n in range(3)] == [b"image 0", b"image 1", b"image 2"]
    assert problem_of(images, "3") == image_files.MISSING
    assert problem_of(images, "9") == image_files.MISSING
    assert images.reading_order(["0", "1", "2"]) == ["2", "0", "1"]
    assert "images.parquet" in images.where("1")
    with pytest.raises(DataError, match="no column picture"):
        ParquetImages((table,), "meta.id", "picture").read("0")


def test_planning_needs_no_file_of_the_hub() -> None:
    one = HubImages("x/y", "abc", ("a.parquet",))
    assert one.fingerprint() != HubImages("x/y", "abd", ("a.parquet",)).fingerprint()


def test_the_first_alternative_in_the_data_folder_is_used(folder: Path, archive: Path) -> None:
    data = folder.parent
    assert local_images(data, ("photos", "pictures")) == FolderImages(data / "pictures")
    assert local_images(data, ("pictures.zip",)) == ZipImages(archive)
    hub = HubImages("x/y", "abc", ("a.parquet",))
    assert local_images(data, ("photos",), hub) is hub


def test_images_that_are_nowhere_are_an_error_when_they_are_read(tmp_path: Path) -> None:
    for source in (
        local_images(None, ("photos",)),
        local_images(tmp_path, ("photos",)),
        images_at(tmp_path / "photos", "tasks.x.images"),
    ):
        assert isinstance(source, NoImages)
        assert source.fingerprint()
        with pytest.raises(MissingDataError, match="photos"):
            source.read("a")
