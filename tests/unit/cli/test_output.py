"""Any name can be printed, on any terminal and into any pipe."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.table import Table
from rich.text import Text

import xstilts
from xstilts.cli import diagnosis, exit_codes
from xstilts.cli.log_messages import TerminalHandler
from xstilts.cli.output.console import TextConsole, accept_any_text, console
from xstilts.cli.output.doctor import show_diagnosis
from xstilts.cli.output.tables import framed, show_table
from xstilts.cli.progress import progress
from xstilts.core.stage import Stage
from xstilts.executors.events import Event, progress_text
from xstilts.reports.study_figures import draw
from xstilts.reports.tables import table_text
from xstilts.studies.base import Figure, Series

NAMES = (
    "[/x]",
    "[bold]x",
    "[red",
    ":smile:",
    "$x^{2$",
    "$$",
    r"\$",
    "a_b^c",
    "<&>",
    "ünï→",
    "100 %",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], name: str) -> None:
    out = TextConsole(width=100)
    table = Table("column", title=name, caption=name)
    table.add_row(name)
    for shown in (name, table):
        out.print(shown)
    show_table(out, framed(pd.DataFrame({name: [name]}), {}, name))
    assert capsys.readouterr().out.count(name) == 7


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_drawn_as_it_is(name: str) -> None:
    series = (Series(name, (1.0,), (2.0,), labels=(name,)), Series("other", (1.0,), (3.0,)))
    figure = Figure("name", name, name, name, series, ticks=(name, "b"))
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert draw(figure).count(escaped) >= 2


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_of_a_csv_file_is_a_formula(text: str) -> None:
    frame = pd.DataFrame({"name": [text, "plain", None], "value": [-0.5, 1.0, 2.0]})
    lines = pd.read_csv(io.StringIO(table_text(frame, "csv")), lineterminator="\n")
    assert lines["name"].tolist()[:2] == [f"'{text}", "plain"]
    assert lines["value"].tolist() == [-0.5, 1.0, 2.0]
    assert table_text(frame.rename(columns={"name": text}), "csv").lstrip('"').startswith("'")


def test_images_that_are_computed_are_no_steps_of_a_training() -> None:
    stage = Stage("train", 1, {}, {}, label="train")
    shown = [
        progress_text(Event("progress", stage, {"step": 2, "steps": 9, **more}))
        for more in (dict[str, str](), {"unit": "image"})
    ]
    assert shown == ["step 2/9", "image 2/9"]


def test_progress_prints_any_label(capsys: pytest.CaptureFixture[str], toy_file: Path) -> None:
    summary = xstilts.plan(xstilts.load(str(toy_file)), toy_file.parent / "none")
    stage = summary.todo[0]
    with progress(summary) as on_event:
        on_event(Event("failed", stage, {"problem": "names like [/x]"}))
    assert "names like [/x]" in capsys.readouterr().err


def test_doctor_prints_any_name_of_a_store(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XSTILTS_STORE", str(tmp_path / "[red]a[" / "x]store"))
    monkeypatch.setattr(diagnosis, "device", lambda _worker: "CPU")
    monkeypatch.setattr(diagnosis, "hub", lambda: "reachable")
    monkeypatch.setenv("COLUMNS", "400")
    show_diagnosis(diagnosis.diagnose())
    assert "[red]a[/x]store" in capsys.readouterr().out.replace("\n", "")


def test_no_text_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b]0;title\x07\x9b2J"
    table = Table(hostile)
    table.add_row(Text(hostile))
    for out in (console(), TextConsole(stderr=True)):
        out.print(hostile)
        out.print(table)
    TerminalHandler().emit(logging.makeLogRecord({"levelname": "WARNING", "msg": hostile}))
    exit_codes._report(hostile, 2)
    captured = capsys.readouterr()
    for text in captured:
        assert "]0;title" in text
        assert not {"\x1b", "\x07", "\x9b"} & set(text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_text_is_escaped_where_the_encoding_lacks_it(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", None)
    accept_any_text()
    print("→ ł \udcff", flush=True)
    print("lost", file=sys.stderr)
    arrow = "→" if encoding == "utf-8" else "->"
    expected = f"{arrow} ł".encode(encoding, errors="backslashreplace") + b" \\udcff\n"
    assert raw.getvalue() == expected


def command(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "xstilts", *arguments], stderr=subprocess.PIPE, **options
    )


def test_a_closed_pipe_is_no_error(toy_file: Path, tmp_path: Path) -> None:
    processes = []
    for arguments in (
        ("plan", str(toy_file), "--store", str(tmp_path / "store")),
        ("tasks",),
        ("--help",),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        processes.append(command(*arguments, stdout=writing))
        os.close(writing)
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")


def test_a_working_folder_that_is_gone_is_an_error_in_words(toy_file: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    code = "import os, sys; from xstilts.cli.app import main; os.rmdir(os.getcwd()); main()"
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", str(toy_file)],
        cwd=gone,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 4
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_errors_have_no_colour_with_no_color(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_color: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    exit_codes._report("error: no such file", 2)
    error = capsys.readouterr().err
    assert "error: no such file" in error
    assert ("\x1b[31m" in error) is not bool(no_color)
