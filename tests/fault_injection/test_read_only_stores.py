"""Every command where the store or the working folder cannot be written or read.

The operating system's refusals are imitated, because tests may run as root, who is refused nothing.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.analysis.run_records import save_record
from xstilts.cli.app import app
from xstilts.cli.exit_codes import exit_code_of
from xstilts.core.errors import StoreError
from xstilts.core.store import Store
from xstilts.core.warn_once import forget_warnings
from xstilts.planning.compile import compile_experiment

EXPERIMENT = """name: own
encoder: e5-small-packaged
intermediate: [none]
targets: [mine]
seeds: [0]
tasks:
  mine:
    format: classification
    files: "{split}.tsv"
    splits: {train: [en], dev: [en], test: [en]}
    columns: [text, label]
    labels: [a, b]
"""
READING = ("plan own.yaml", "status", "results own.yaml", "results", "trials own.yaml", "doctor")
SLOW = "doctor"
"""Its checks of packages take seconds; tried with a store alone."""
WRITING = (
    "run own.yaml",
    "study difficulty own.yaml",
    "report own.yaml",
    "report own.yaml --out new/r.html",
    "report own.yaml --format csv --out tables",
    "results own.yaml --out r.csv",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an experiment, and a store with its record."""
    (tmp_path / "own.yaml").write_text(EXPERIMENT)
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"{split}\ta\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("xstilts.cli.diagnosis.hub", lambda: "not asked")  # no waiting for it
    forget_warnings()
    return tmp_path


def write_record(folder: Path) -> None:
    """Make the store of a working folder, with the record of a run."""
    loaded = xstilts.load("own.yaml")
    store = Store(folder / "xstilts-store").prepare()
    save_record(loaded, compile_experiment(loaded), store)


def refuse_writing(patch: pytest.MonkeyPatch, folder: Path, code: int) -> None:
    """Let the operating system refuse to write in a folder."""

    def guarded(function: Callable[..., Any], writes: Callable[..., bool]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **options: Any) -> Any:
            if not isinstance(path, int) and writes(*args, **options):
                refuse(path, folder, code)
            return function(path, *args, **options)

        return call

    def opens_to_write(mode: str = "r", *_args: Any, **_options: Any) -> bool:
        return not {"w", "a", "x", "+"}.isdisjoint(mode)

    def flags_to_write(flags: int, *_args: Any, **_options: Any) -> bool:
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

    def always(*_args: Any, **_options: Any) -> bool:
        return True

    for name in ("mkdir", "unlink", "rmdir", "rename", "replace"):
        patch.setattr(os, name, guarded(getattr(os, name), always))
    patch.setattr(os, "open", guarded(os.open, flags_to_write))
    for module in (io, builtins):
        patch.setattr(module, "open", guarded(open, opens_to_write))


def refuse(path: Any, folder: Path, code: int) -> None:
    if Path(os.path.abspath(path)).is_relative_to(folder):
        raise OSError(code, os.strerror(code), str(path))


def outcome(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str]:
    """The exit code of a command, and what it printed; anything it does not catch is raised."""
    capsys.readouterr()
    code = exit_code_of(lambda: app(command.split(" ")))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize(
    ("command", "has_store", "code"),
    [(command, True, errno.EROFS) for command in READING]
    + [(command, False, errno.EACCES) for command in READING if command != SLOW],
)
def test_reading_commands_write_nothing(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    has_store: bool,
    code: int,
) -> None:
    if has_store:
        write_record(folder)
    expected, _ = outcome(command, capsys)
    forget_warnings()
    with monkeypatch.context() as patch:
        refuse_writing(patch, folder, code)
        found, text = outcome(command, capsys)
    assert (found, os.strerror(code) in text) == (expected, False)


@pytest.mark.parametrize(("has_store", "code"), [(True, errno.EROFS), (False, errno.EACCES)])
@pytest.mark.parametrize("command", WRITING)
def test_writing_commands_say_what_cannot_be_written(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    has_store: bool,
    code: int,
) -> None:
    if has_store:
        write_record(folder)
    with monkeypatch.context() as patch:
        refuse_writing(patch, folder, code)
        found, text = outcome(command, capsys)
    assert (found, os.strerror(code) in text) == (StoreError.exit_code, True)


def test_claims_say_what_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_record(folder)
    with monkeypatch.context() as patch:
        refuse_writing(patch, folder, errno.EROFS)
        found, text = outcome("claims --out c.md", capsys)
    assert (found, "c.md" in text) == (StoreError.exit_code, True)


@pytest.mark.parametrize("command", ["status", "results", "claims", "run own.yaml"])
def test_records_that_cannot_be_read_are_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    write_record(folder)
    records, listdir = folder / "xstilts-store/experiments", os.listdir

    def refused(path: Any = ".") -> Any:
        refuse(path, records, errno.EACCES)
        return listdir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refused)
        found, text = outcome(command, capsys)
    assert (found, str(records) in text) == (StoreError.exit_code, True)
