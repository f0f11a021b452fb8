"""Rows of the user's files are estimated for the expected time of a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.tasks.estimated_rows import READ_BYTES, estimated_rows

SENTENCE = "Paris\tB-LOC\nsings\tO\n"


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("a.tsv", "a\tb\n" * 7, 7),
        ("a.csv", "a,b\r\n" * 7, 7),
        ("a.jsonl", '{"a": 1}\n{"a": 2}', 2),
        ("a.conll", f"\n{SENTENCE}\n{SENTENCE}\n \n\n{SENTENCE}", 3),
        ("a.iob2", f"{SENTENCE}\r\n".replace("\n", "\r\n") * 4, 4),
        ("a.tsv", "", 0),
        ("a.json", "[\n1,\n2\n]", None),
        ("a.parquet", "PAR1\n\n", None),
    ],
)
def test_rows_are_lines_or_sentences(
    name: str, text: str, rows: int | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text, newline="")
    assert estimated_rows(tmp_path / name) == rows


def test_a_long_file_is_extrapolated_from_its_beginning(tmp_path: Path) -> None:
    lines = [f"text number {number}\tlabel\n" for number in range(50_000)]
    path = tmp_path / "a.tsv"
    path.write_text("".join(lines))
    assert path.stat().st_size > 10 * READ_BYTES
    assert estimated_rows(path) == pytest.approx(50_000, rel=0.1)


def test_a_file_that_grows_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n")
    assert estimated_rows(path) == 1
    path.write_text("a\tb\n" * 5)
    assert estimated_rows(path) == 5


def test_what_is_no_file_has_no_rows(tmp_path: Path) -> None:
    assert estimated_rows(tmp_path) is None
    assert estimated_rows(tmp_path / "absent.tsv") is None
