"""Files are read block by block, with the lines and errors of reading them in one piece."""

from __future__ import annotations

import csv
import io
import random
import tracemalloc
from pathlib import Path

import pytest

from xstilts.core.errors import DataError
from xstilts.formats.io import lines as module
from xstilts.formats.io.lines import PhysicalLines, lines
from xstilts.formats.io.readers import json_rows
from xstilts.formats.io.tables import named_csv_rows, tsv_rows

PIECES = (
    *(b"a", b"\xc3\xa9", b"\n", b"\n", b"\r\n", b"\r", b" ", b"\t", b'"', b",", b"\x00"),
    *(b"\xe2\x80\xa8", b"\xf0\x9f\x90\x88", b"\xef\xbb\xbf", b"\xff"),
)


def plain_lines(data: bytes, path: Path) -> list[tuple[str, str]] | str:
    """Every line, or where the encoding is wrong."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"{path}:{error.object[: error.start].count(bytes([10])) + 1}"
    if "\r" in text.rstrip("\r") and "\n" not in text:
        return str(path)
    split = enumerate(text.split("\n"), start=1)
    return [(f"{path}:{number}", line.removesuffix("\r")) for number, line in split]


@pytest.mark.parametrize("block", [1, 3, 1 << 22])
def test_lines_are_those_of_the_file_in_one_piece(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    generator, path, valid = random.Random(block), tmp_path / "file.txt", 0
    for _ in range(120):
        data = b"".join(generator.choices(PIECES, [*[9] * 13, 1, 1], k=generator.randrange(12)))
        path.write_bytes(data)
        expected = plain_lines(data, path)
        if isinstance(expected, str):
            with pytest.raises(DataError) as caught:
                next(lines(path, blank=True))  # before the first line is given
            assert caught.value.where == expected
            continue
        valid += 1
        assert list(lines(path, blank=True)) == expected
        assert list(lines(path)) == [item for item in expected if item[1].strip(" ")]
    assert 40 < valid < 120


def test_records_of_csv_are_those_of_the_file_in_one_piece(tmp_path: Path) -> None:
    generator, path = random.Random(0), tmp_path / "file.csv"
    for _ in range(80):
        data = b"".join(generator.choices(PIECES[:10], k=generator.randrange(12)))
        path.write_bytes(data)
        text = io.StringIO(data.decode("utf-8-sig"), newline="").readlines()
        physical = PhysicalLines(path)
        assert list(csv.reader(physical)) == list(csv.reader(iter(text)))
        assert physical.taken == text
        assert physical.at_end


def test_a_byte_that_is_not_utf8_in_the_last_line_is_an_error_before_the_first_row(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes(b"one\ttwo\n" * 5 + b"one\t\xff\n")
    for rows in (tsv_rows(("a", "b")), named_csv_rows(("a", "b")), json_rows):
        with pytest.raises(DataError) as caught:
            next(rows(path, ""))
        assert caught.value.where == f"{path}:6"


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl"])
def test_memory_of_reading_does_not_grow_with_the_file(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 1 << 14)
    row = {"tsv": "text of a row\tlabel\n", "csv": "text of a row,label\n",
           "jsonl": '{"text": "text of a row", "label": "label"}\n'}[ending]  # fmt: skip
    reader = {"tsv": tsv_rows(("text", "label")), "csv": named_csv_rows(("text", "label")),
              "jsonl": json_rows}[ending]  # fmt: skip
    peaks = []
    for count in (1_000, 6_000):
        path = tmp_path / f"{count}.{ending}"
        path.write_text(row * count, encoding="utf-8")
        tracemalloc.start()
        assert sum(1 for _ in reader(path, "train")) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_the_line_that_is_not_utf8_is_counted_after_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"\xef\xbb\xbfa\n\xff\n")
    with pytest.raises(DataError) as error:
        list(lines(path))
    assert error.value.where == f"{path}:2"
