"""Rows without ids: the same slice of a split has translations in every language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.config.split_slices import SplitSlice
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

SLICE = SplitSlice("test", 0, 20)
HEADERS = {"tsv": "text\tlabel\n", "csv": "text,label\n"}
COUNT = 60


def made(folder: Path, headers: Mapping[str, bool], ending: str, **changes: object) -> TaskSpec:
    """A task with a file for each language; row n of each has the text `n`."""
    separator = HEADERS[ending][4]
    rows = "".join(f"{number}{separator}{'xy'[number % 2]}\n" for number in range(COUNT))
    for language, has_header in headers.items():
        text = (HEADERS[ending] if has_header else "") + rows
        (folder / f"test.{language}.{ending}").write_text(text)
    given = {
        "format": "classification",
        "files": f"{{split}}.{{language}}.{ending}",
        "splits": {"test": ("en", "de", "fr")},
        "labels": ("x", "y"),
        **changes,
    }
    return file_task("mine", FileTask.model_validate(given), folder)


def keys(task: TaskSpec, language: str) -> dict[str, str]:
    """Text → alignment key."""
    kept, _ = validated(task.read("test", language), task, "test", language)
    return {one.text: task.alignment_key(one) for one in kept}  # type: ignore[attr-defined]


@pytest.mark.parametrize("ending", HEADERS)
@pytest.mark.parametrize("columns", [(), ("text", "label")])
@pytest.mark.parametrize("with_header", [("en",), ("de",), ("de", "fr"), ("en", "fr")])
def test_a_header_in_some_files_only_pairs_the_same_rows(
    tmp_path: Path, ending: str, columns: tuple[str, ...], with_header: tuple[str, ...]
) -> None:
    headers = {language: language in with_header for language in ("en", "de", "fr")}
    task = made(tmp_path, headers, ending, columns=columns)
    first = keys(task, "en")
    assert len(first) == COUNT
    assert keys(task, "de") == keys(task, "fr") == first
    sliced = [text for text, key in first.items() if SLICE.contains(key)]
    for language in ("de", "fr"):
        assert sliced == [text for text, key in keys(task, language).items() if SLICE.contains(key)]


@pytest.mark.parametrize("ending", HEADERS)
@pytest.mark.parametrize("has_header", [True, False])
def test_the_key_is_the_line_where_all_files_or_none_have_a_header(
    tmp_path: Path, ending: str, has_header: bool
) -> None:
    task = made(tmp_path, dict.fromkeys(("en", "de", "fr"), has_header), ending)
    lines = {str(number): str(number + 1 + has_header) for number in range(COUNT)}
    assert all(keys(task, language) == lines for language in ("en", "de", "fr"))


def test_the_first_language_that_is_there_is_what_others_are_paired_with(tmp_path: Path) -> None:
    task = made(tmp_path, {"de": True, "fr": False}, "tsv")
    assert keys(task, "fr") == keys(task, "de")


@pytest.mark.parametrize("columns", [(), ("text", "label")])
@pytest.mark.parametrize("has_header", [True, False])
@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_changes_no_key(
    tmp_path: Path, columns: tuple[str, ...], has_header: bool, text: str
) -> None:
    task = made(tmp_path, {"de": has_header, "fr": has_header}, "tsv", columns=columns)
    before = keys(task, "de"), task.fingerprint("test", "de")
    (tmp_path / "test.en.tsv").write_text(text)
    assert (keys(task, "de"), task.fingerprint("test", "de")) == before
    assert keys(task, "fr") == before[0]


def test_each_line_of_a_header_is_counted(tmp_path: Path) -> None:
    rename = {"label\nof it": "label"}
    task = made(tmp_path, {"en": False, "de": False}, "csv", rename=rename)
    path = tmp_path / "test.en.csv"
    path.write_text('text,"label\nof it"\n' + path.read_text())
    assert keys(task, "en")["0"] == "3"
    assert keys(task, "de") == keys(task, "en")


@pytest.mark.parametrize("name", ["id", "key"])
@pytest.mark.parametrize("with_ids", ["en", "de"])
def test_a_header_that_names_the_id_shifts_no_other_file(
    tmp_path: Path, name: str, with_ids: str
) -> None:
    rename = {"key": "id"} if name == "key" else {}
    headers = dict.fromkeys(("en", "de"), False)
    task = made(tmp_path, headers, "tsv", rename=rename)
    (tmp_path / f"test.{with_ids}.tsv").write_text(f"{name}\ttext\tlabel\na\t0\tx\nb\t1\ty\n")
    other = {"en": "de", "de": "en"}[with_ids]
    assert keys(task, with_ids) == {"0": "a", "1": "b"}
    assert keys(task, other) == {str(number): str(number + 1) for number in range(COUNT)}
    alone = made(tmp_path, {other: False}, "tsv", rename=rename, splits={"test": (other,)})
    assert task.fingerprint("test", other) == alone.fingerprint("test", other)
    one = {"rename": rename, "splits": {"test": (with_ids,)}}
    alone = made(tmp_path, {}, "tsv", **one)
    assert task.fingerprint("test", with_ids) == alone.fingerprint("test", with_ids)


def test_ids_and_places_of_rows_stay_those_of_their_file(tmp_path: Path) -> None:
    task = made(tmp_path, {"en": False, "de": True}, "tsv", columns=("text", "label"))
    kept, _ = validated(task.read("test", "de"), task, "test", "de")
    assert [one.id for one in kept[:2]] == ["test.de.tsv:2", "test.de.tsv:3"]


def test_the_fingerprint_changes_only_where_lines_are_counted_differently(tmp_path: Path) -> None:
    def prints(headers: Mapping[str, bool], **changes: object) -> list[str]:
        task = made(tmp_path, headers, "tsv", **changes)
        return [task.fingerprint("test", language) for language in ("en", "de")]

    none = prints({"en": False, "de": False})
    every = prints({"en": True, "de": True})
    assert prints({"en": False, "de": True})[0] == none[0]
    assert prints({"en": False, "de": True})[1] != every[1]
    alone = {"splits": {"test": ("de",)}}
    one = made(tmp_path, {"en": False, "de": True}, "tsv", **alone)
    assert one.fingerprint("test", "de") == every[1]


def test_rows_with_ids_are_paired_by_them(tmp_path: Path) -> None:
    rows = "".join(f"n{number}\ttext {number}\tx\n" for number in range(COUNT))
    for language, header in (("en", ""), ("de", "id\ttext\tlabel\n")):
        (tmp_path / f"test.{language}.tsv").write_text(header + rows)
    given = {
        "format": "classification",
        "files": "{split}.{language}.tsv",
        "columns": ("id", "text", "label"),
        "labels": ("x", "y"),
    }
    both, alone = (
        file_task("mine", FileTask.model_validate({**given, "splits": {"test": codes}}), tmp_path)
        for codes in (("en", "de"), ("de",))
    )
    assert keys(both, "en") == keys(both, "de")
    assert both.fingerprint("test", "de") == alone.fingerprint("test", "de")


@pytest.mark.parametrize("columns", [(), ("text", "label")])
@pytest.mark.parametrize("files", ["{split}.{language}.tsv", "{language}/{split}.tsv"])
@pytest.mark.parametrize("with_header", [("en",), ("de", "fr")])
def test_headers_of_some_files_on_the_hub_pair_the_same_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: str,
    columns: tuple[str, ...],
    with_header: tuple[str, ...],
) -> None:
    snapshot = tmp_path / "snapshots" / "abc"
    headers = {language: language in with_header for language in ("en", "de", "fr")}
    made(tmp_path, headers, "tsv")
    for language in headers:
        file = snapshot / files.format(split="test", language=language)
        file.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"test.{language}.tsv").rename(file)

    def fake(_dataset: str, file: str, **_rest: str) -> str:
        return str(snapshot / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fake)
    changes = {"files": files, "columns": columns, "hub": "me/mine@abc"}
    task = made(tmp_path / "snapshots", {}, "tsv", **changes)
    first = keys(task, "en")
    assert len(first) == COUNT
    assert keys(task, "de") == keys(task, "fr") == first


def test_keys_of_rows_on_the_hub_name_the_file_that_they_are_paired_with(tmp_path: Path) -> None:
    def fingerprints(*languages: str, **changes: object) -> dict[str, str]:
        given = {"hub": "me/mine@abc", "splits": {"test": languages}, **changes}
        task = made(tmp_path, {}, "tsv", **given)
        return {language: task.fingerprint("test", language) for language in languages}

    alone, both, other = fingerprints("de"), fingerprints("en", "de"), fingerprints("fr", "de")
    assert len({alone["de"], both["de"], other["de"]}) == 3
    assert fingerprints("de", "en")["de"] == alone["de"]
    with_ids = {"columns": ("id", "text", "label")}
    assert fingerprints("en", "de", **with_ids)["de"] == fingerprints("de", **with_ids)["de"]
