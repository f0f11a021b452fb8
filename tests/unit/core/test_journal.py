"""The journal: appended records are read back, also from a truncated file."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.core import journal as journals
from xstilts.core.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal.jsonl")
    for number in range(20):
        journal.write("done", number=number, label="ä" * number)
    return journal


@pytest.mark.parametrize("block", [1, 7, 100, 1 << 14])
@pytest.mark.parametrize("count", [0, 1, 5, 20, 99])
def test_the_newest_events_are_those_at_the_end(
    journal: Journal, block: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "BLOCK", block)
    assert journal.last(count) == list(journal.read())[max(0, 20 - count) :]


def test_lines_that_were_cut_short_are_skipped(journal: Journal) -> None:
    with journal.path.open("ab") as file:
        file.write(b'{"event": "cu\xc3')
    assert [event["number"] for event in journal.last(2)] == [18, 19]
    assert len(list(journal.read())) == 20


def test_only_the_end_of_a_long_journal_is_read(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "BLOCK", 64)
    parsed = []
    original = journals.json.loads
    monkeypatch.setattr(journals.json, "loads", lambda line: parsed.append(line) or original(line))
    assert [event["number"] for event in journal.last(3)] == [17, 18, 19]
    assert len(parsed) <= 4


def test_a_store_without_a_journal_has_no_events(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").last(3) == []


@pytest.mark.parametrize("line", ["null", "[]", "3", "{}", '{"event": "x"}', "[" * 9999, "\xff"])
def test_lines_that_are_no_events_are_skipped(tmp_path: Path, line: str) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_bytes(line.encode("latin-1") + b"\n")
    journal.write("started")
    assert [event["event"] for event in journal.last(5)] == ["started"]
    assert [event["event"] for event in journal.read()] == ["started"]


def test_a_line_that_was_cut_short_does_not_swallow_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("started")
    journal.path.write_bytes(journal.path.read_bytes() + b'{"time": 1, "ev')
    journal.write("done")
    journal.write("failed")
    assert [event["event"] for event in journal.read()] == ["started", "done", "failed"]


def test_a_line_with_one_digit_changed_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("done", seconds=41)
    journal.write("failed")
    journal.path.write_bytes(journal.path.read_bytes().replace(b" 41,", b" 40,"))
    assert [event["event"] for event in journal.read()] == ["failed"]
    assert "journal.jsonl" in caplog.text
