"""R23: the same results give the same bytes of every report, in any process and from any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment

FORMS = ("html", "md", "latex", "csv")
CODE = """
import sys, xstilts
path, store, out = sys.argv[1:4]
loaded = xstilts.load(path, sys.argv[4:])
for form in ("html", "md", "latex", "csv"):
    xstilts.report(loaded, out + "." + form, store, form=form)
"""
OVERRIDES = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip


def reports(loaded: LoadedExperiment, store: Path, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    files = {form: folder / f"report.{form}" for form in FORMS}
    for form, path in files.items():
        xstilts.report(loaded, path, store, form=form)
    return {form: path.read_bytes() for form, path in files.items()}


def test_a_report_written_again_from_another_folder_has_the_same_bytes(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    expected = reports(small, finished, tmp_path / "first")
    moved = shutil.copytree(finished, tmp_path / "a store with another name")
    for path in moved.rglob("*"):
        os.utime(path, (10**9, 10**9))
    assert reports(small, moved, tmp_path / "second") == expected


def test_a_page_links_to_the_artifacts_of_a_store_below_its_folder_only(
    small: LoadedExperiment, copied: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    beside = xstilts.report(small, tmp_path / "page.html", copied).read_text(encoding="utf-8")
    assert f'href="{copied.name}/artifacts/' in beside
    other = xstilts.report(small, tmp_path / "elsewhere" / "page.html", copied)
    assert copied.name + "/artifacts" not in other.read_text(encoding="utf-8")


@pytest.mark.faults
@pytest.mark.parametrize("seed", ["0", "1", "2026"])
def test_a_report_of_another_process_has_the_same_bytes(
    seed: str, small: LoadedExperiment, toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    expected = reports(small, finished, tmp_path / "first")
    moved, folder = shutil.copytree(finished, tmp_path / "moved"), tmp_path / "reports"
    folder.mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "COLUMNS": "40"}
    command = [sys.executable, "-c", CODE, str(toy_file), str(moved), str(folder / "second")]
    subprocess.run([*command, *OVERRIDES], env=environment, cwd=tmp_path, check=True)
    assert {form: (folder / f"second.{form}").read_bytes() for form in FORMS} == expected
