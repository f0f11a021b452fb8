"""R13: rows, predictions and statistics are read a block at a time."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xstilts.metrics import METRICS
from xstilts.stages.io.column_values import BLOCK, ColumnValues
from xstilts.stages.io.rows import read_pieces, write_rows

SENTENCES, WORDS = 4 * BLOCK, 8


def sentences() -> ColumnValues:
    """Tags of sentences; each would take more than 500 bytes as Python objects."""
    tags = pa.array(["O", "B-PER"] * (SENTENCES * WORDS // 2))
    ends = pa.array(range(0, SENTENCES * WORDS + 1, WORDS), pa.int32())
    return ColumnValues(pa.chunked_array([pa.ListArray.from_arrays(ends, tags)]))


@pytest.mark.parametrize("name", ["span_f1", "tag_accuracy"])
def test_scores_need_few_bytes_per_sentence(name: str) -> None:
    metric, gold, predicted = METRICS.get(name), sentences(), sentences()
    tracemalloc.start()
    table = metric.statistics(gold, predicted, "en")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == SENTENCES
    assert metric.value(table.sum(0)) == 1
    assert peak < 450 * SENTENCES


def test_column_values_are_those_of_the_column() -> None:
    values: list[Any] = [["a"], [], None, ["b", "c"]] * BLOCK
    column = ColumnValues(pa.chunked_array([values[:5], values[5:]]))
    assert list(column) == values
    assert column[3] == ["b", "c"]
    assert column[1:4] == values[1:4]
    assert list(column.taken([3, 0])) == [["b", "c"], ["a"]]
    assert list(column.taken([])) == []


def test_pieces_of_a_file_are_its_rows_in_order(tmp_path: Path) -> None:
    rows = [{"id": str(number), "words": ["a"] * (number % 3)} for number in range(25)]
    write_rows(tmp_path / "rows.parquet", rows)
    pieces = list(read_pieces(tmp_path / "rows.parquet", 10))
    assert [len(piece) for piece in pieces] == [10, 10, 5]
    assert [row for piece in pieces for row in piece] == rows
